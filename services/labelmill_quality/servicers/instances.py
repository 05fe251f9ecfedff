"""InstancesService: converts, calls, converts back."""
# ruff: noqa: N802 - the contract names the methods

from __future__ import annotations

from collections.abc import AsyncIterator

from labelmill.quality.v1 import instances_service_pb2 as pb
from labelmill.quality.v1 import instances_service_pb2_grpc as grpc_pb
from labelmill_quality.benchmark.errors import StreamSequence
from labelmill_quality.jobs import instances as jobs
from labelmill_quality.servicers.aggregation_stream import aggregated
from labelmill_quality.servicers.computed import Computing


class InstancesServicer(grpc_pb.InstancesServiceServicer):
    """Consensus of shapes sent along, and agreement on them."""

    def __init__(self, computing: Computing, max_message_bytes: int) -> None:
        self._computing = computing
        self._max_message_bytes = max_message_bytes

    async def AggregateAnnotations(
        self, request: pb.AggregateAnnotationsRequest, context: object
    ) -> pb.AggregateAnnotationsResponse:
        """Aggregates annotations sent along."""
        return await self._computing.answer(
            pb.AggregateAnnotationsResponse,
            jobs.aggregate_annotations,
            request.SerializeToString(),
            self._computing.cell_limit,
        )

    async def StreamAggregateAnnotations(
        self, request_iterator: AsyncIterator[pb.StreamAggregateAnnotationsRequest], context: object
    ) -> AsyncIterator[pb.StreamAggregateAnnotationsResponse]:
        """Aggregates a stream of annotations."""
        first = await anext(request_iterator, None)
        if first is None or not first.HasField("header"):
            raise StreamSequence
        options = first.header.options
        async for answer in aggregated(request_iterator, options, self._computing, self._max_message_bytes):
            yield answer

    async def ComputeInstanceAgreement(
        self, request: pb.ComputeInstanceAgreementRequest, context: object
    ) -> pb.ComputeInstanceAgreementResponse:
        """How well labelers agree on shapes."""
        return await self._computing.answer(
            pb.ComputeInstanceAgreementResponse,
            jobs.compute_agreement,
            request.SerializeToString(),
            self._computing.cell_limit,
        )
