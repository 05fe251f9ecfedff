"""AgreementService: converts, calls, converts back."""
# ruff: noqa: N802 - the contract names the methods

from __future__ import annotations

from collections.abc import AsyncIterator

from labelmill.quality.v1 import agreement_service_pb2 as pb
from labelmill.quality.v1 import agreement_service_pb2_grpc as grpc_pb
from labelmill_quality.jobs import agreement as jobs
from labelmill_quality.servicers.bulk_agreement import BulkAgreement
from labelmill_quality.servicers.computed import Computing


class AgreementServicer(grpc_pb.AgreementServiceServicer):
    """How well labelers agree."""

    def __init__(self, computing: Computing, bulk: BulkAgreement) -> None:
        self._computing = computing
        self._bulk = bulk

    async def ComputeAgreement(
        self, request: pb.ComputeAgreementRequest, context: object
    ) -> pb.ComputeAgreementResponse:
        """How well labelers agree."""
        return await self._computing.answer(
            pb.ComputeAgreementResponse,
            jobs.compute_agreement,
            request.SerializeToString(),
            self._computing.cell_limit,
        )

    async def StreamAgreement(
        self, request_iterator: AsyncIterator[pb.StreamAgreementRequest], context: object
    ) -> AsyncIterator[pb.StreamAgreementResponse]:
        """How well labelers agree on any number of labels."""
        async for response in self._bulk.compare(request_iterator):
            yield response
