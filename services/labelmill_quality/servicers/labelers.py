"""LabelersService: converts, calls, converts back."""
# ruff: noqa: N802 - the contract names the methods

from __future__ import annotations

from labelmill.quality.v1 import labelers_service_pb2 as pb
from labelmill.quality.v1 import labelers_service_pb2_grpc as grpc_pb
from labelmill_quality.jobs import labelers as jobs
from labelmill_quality.servicers.computed import Computing


class LabelersServicer(grpc_pb.LabelersServiceServicer):
    """Analyzes the labels of labelers, sent along."""

    def __init__(self, computing: Computing) -> None:
        self._computing = computing

    async def AnalyzeLabelers(self, request: pb.AnalyzeLabelersRequest, context: object) -> pb.AnalyzeLabelersResponse:
        """Analyzes the labels of labelers, sent along."""
        return await self._computing.answer(
            pb.AnalyzeLabelersResponse, jobs.analyze_labelers, request.SerializeToString(), self._computing.cell_limit
        )
