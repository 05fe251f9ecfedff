"""BenchmarkService: converts, calls, converts back."""
# ruff: noqa: N802 - the contract names the methods

from __future__ import annotations

from collections.abc import AsyncIterator

from labelmill.quality.v1 import benchmark_service_pb2 as pb
from labelmill.quality.v1 import benchmark_service_pb2_grpc as grpc_pb
from labelmill_quality.benchmark.errors import StreamSequence
from labelmill_quality.intake import errors as intake
from labelmill_quality.intake.ports import AssetFiles
from labelmill_quality.intake.spool import Spools
from labelmill_quality.jobs import benchmark, scoring
from labelmill_quality.jobs.aggregation import Limits
from labelmill_quality.servicers.bulk_labels import receive, require_readable
from labelmill_quality.servicers.computed import Computing
from labelmill_quality.servicers.scoring_stream import ScoringStream


class BenchmarkServicer(grpc_pb.BenchmarkServiceServicer):
    """Scores labels and annotations against gold, all sent along."""

    def __init__(self, computing: Computing, spools: Spools, assets: AssetFiles, row_limit: int) -> None:
        self._computing = computing
        self._spools = spools
        self._assets = assets
        self._limits = Limits(computing.cell_limit, row_limit)

    async def ScoreBenchmark(self, request: pb.ScoreBenchmarkRequest, context: object) -> pb.ScoreBenchmarkResponse:
        """Scores labels against gold."""
        return await self._computing.answer(
            pb.ScoreBenchmarkResponse,
            benchmark.score_against_gold,
            request.SerializeToString(),
            self._computing.cell_limit,
        )

    async def StreamScoreBenchmark(
        self, request_iterator: AsyncIterator[pb.StreamScoreBenchmarkRequest], context: object
    ) -> AsyncIterator[pb.StreamScoreBenchmarkResponse]:
        """Scores any number of labels against gold."""
        first = await anext(request_iterator, None)
        if first is None or not first.HasField("header"):
            raise intake.StreamSequence("the first message must be the header")
        header = first.header
        require_readable(header.source, header.source_zone)
        with self._spools.open() as spool:
            media_type = await receive(request_iterator, spool, self._assets, header.source, header.source_zone)
            given = str(spool.folder), header.SerializeToString(), media_type, self._limits
            yield await self._computing.answer(pb.StreamScoreBenchmarkResponse, benchmark.score_spooled, *given)

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
