"""BenchmarkService: converts, calls, converts back."""
# ruff: noqa: N802 - the contract names the methods

from __future__ import annotations

from labelmill.quality.v1 import benchmark_service_pb2 as pb
from labelmill.quality.v1 import benchmark_service_pb2_grpc as grpc_pb
from labelmill_quality.jobs import benchmark as jobs
from labelmill_quality.servicers.computed import Computing


class BenchmarkServicer(grpc_pb.BenchmarkServiceServicer):
    """Scores labels against gold, both sent along."""

    def __init__(self, computing: Computing) -> None:
        self._computing = computing

    async def ScoreBenchmark(self, request: pb.ScoreBenchmarkRequest, context: object) -> pb.ScoreBenchmarkResponse:
        """Scores labels against gold, both sent along."""
        return await self._computing.answer(
            pb.ScoreBenchmarkResponse, jobs.score_against_gold, request.SerializeToString(), self._computing.cell_limit
        )
