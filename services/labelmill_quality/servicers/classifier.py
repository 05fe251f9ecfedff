"""ClassifierService: converts, calls, converts back."""
# ruff: noqa: N802 - the contract names the methods

from __future__ import annotations

from labelmill.quality.v1 import classifier_service_pb2 as pb
from labelmill.quality.v1 import classifier_service_pb2_grpc as grpc_pb
from labelmill_quality.jobs import classifier as jobs
from labelmill_quality.servicers.computed import Computing


class ClassifierServicer(grpc_pb.ClassifierServiceServicer):
    """Aggregates labels and predictions sent along."""

    def __init__(self, computing: Computing) -> None:
        self._computing = computing

    async def ScoreWithClassifier(
        self, request: pb.ScoreWithClassifierRequest, context: object
    ) -> pb.ScoreWithClassifierResponse:
        """Aggregates labels with a classifier beside the labelers."""
        return await self._computing.answer(
            pb.ScoreWithClassifierResponse,
            jobs.score_with_classifier,
            request.SerializeToString(),
            self._computing.cell_limit,
        )
