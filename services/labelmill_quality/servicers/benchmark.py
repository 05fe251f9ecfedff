"""BenchmarkService: converts, calls, converts back."""
# ruff: noqa: N802 - the contract names the methods

from __future__ import annotations

from collections.abc import AsyncIterator

from labelmill.quality.v1 import benchmark_service_pb2 as pb
from labelmill.quality.v1 import benchmark_service_pb2_grpc as grpc_pb
from labelmill_quality.benchmark.errors import StreamSequence
from labelmill_quality.jobs import benchmark, scoring
from labelmill_quality.servicers.computed import Computing
from labelmill_quality.servicers.scoring_stream import ScoringStream


class BenchmarkServicer(grpc_pb.BenchmarkServiceServicer):
    """Scores labels and annotations against gold, all sent along."""

    def __init__(self, computing: Computing) -> None:
        self._computing = computing

    async def ScoreBenchmark(self, request: pb.ScoreBenchmarkRequest, context: object) -> pb.ScoreBenchmarkResponse:
        """Scores labels against gold."""
        return await self._computing.answer(
            pb.ScoreBenchmarkResponse,
            benchmark.score_against_gold,
            request.SerializeToString(),
            self._computing.cell_limit,
        )

    async def ScoreAnnotations(
        self, request: pb.ScoreAnnotationsRequest, context: object
    ) -> pb.ScoreAnnotationsResponse:
        """Scores annotations against gold."""
        return await self._computing.answer(
            pb.ScoreAnnotationsResponse, scoring.score_annotations, request.SerializeToString()
        )

    async def StreamScoreAnnotations(
        self, request_iterator: AsyncIterator[pb.StreamScoreAnnotationsRequest], context: object
    ) -> AsyncIterator[pb.StreamScoreAnnotationsResponse]:
        """Scores a stream of annotations against gold."""
        first = await anext(request_iterator, None)
        if first is None or not first.HasField("header"):
            raise StreamSequence
        stream = ScoringStream(self._computing, first.header.options)
        async for answer in stream.answers(request_iterator):
            yield answer
