"""ConsensusService: converts, calls, converts back."""
# ruff: noqa: N802 - the contract names the methods

from __future__ import annotations

from collections.abc import AsyncIterator

from labelmill.quality.v1 import consensus_service_pb2 as pb
from labelmill.quality.v1 import consensus_service_pb2_grpc as grpc_pb
from labelmill_quality.jobs import consensus as jobs
from labelmill_quality.servicers.bulk_labels import BulkLabels
from labelmill_quality.servicers.computed import Computing


class ConsensusServicer(grpc_pb.ConsensusServiceServicer):
    """Aggregates labels sent along."""

    def __init__(self, computing: Computing, bulk: BulkLabels) -> None:
        self._computing = computing
        self._bulk = bulk

    async def ScoreConsensus(self, request: pb.ScoreConsensusRequest, context: object) -> pb.ScoreConsensusResponse:
        """Aggregates labels sent along."""
        return await self._computing.answer(
            pb.ScoreConsensusResponse, jobs.score_consensus, request.SerializeToString(), self._computing.cell_limit
        )

    async def AggregateLabels(
        self, request_iterator: AsyncIterator[pb.AggregateLabelsRequest], context: object
    ) -> AsyncIterator[pb.AggregateLabelsResponse]:
        """Aggregates any number of labels."""
        async for response in self._bulk.aggregate(request_iterator):
            yield response
