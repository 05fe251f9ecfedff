"""ModelQualityService: converts, calls, converts back."""
# ruff: noqa: N802 - the contract names the methods

from __future__ import annotations

from collections.abc import AsyncIterator

from labelmill.quality.v1 import model_quality_service_pb2 as pb
from labelmill.quality.v1 import model_quality_service_pb2_grpc as grpc_pb
from labelmill_quality.intake.spool import Spools
from labelmill_quality.jobs import model_quality as jobs
from labelmill_quality.label_errors.errors import OptionsMissing
from labelmill_quality.servicers.computed import Computing
from labelmill_quality.servicers.spooled import answered


class ModelQualityServicer(grpc_pb.ModelQualityServiceServicer):
    """Models against labelers."""

    def __init__(self, computing: Computing, spools: Spools) -> None:
        self._computing = computing
        self._spools = spools

    async def FindLabelErrors(self, request: pb.FindLabelErrorsRequest, context: object) -> pb.FindLabelErrorsResponse:
        """Doubts labels sent along."""
        return await self._computing.answer(
            pb.FindLabelErrorsResponse, jobs.find_label_errors, request.SerializeToString(), self._computing.cell_limit
        )

    async def StreamFindLabelErrors(
        self, request_iterator: AsyncIterator[pb.StreamFindLabelErrorsRequest], context: object
    ) -> AsyncIterator[pb.StreamFindLabelErrorsResponse]:
        """Doubts a stream of labels."""
        bodies = answered(
            _checked(request_iterator),
            self._spools,
            self._computing,
            jobs.find_label_errors_of_stream,
            self._computing.cell_limit,
        )
        async for body in bodies:
            yield pb.StreamFindLabelErrorsResponse.FromString(body)

    async def FindShapeErrors(self, request: pb.FindShapeErrorsRequest, context: object) -> pb.FindShapeErrorsResponse:
        """Doubts shapes sent along."""
        return await self._computing.answer(
            pb.FindShapeErrorsResponse, jobs.find_shape_errors, request.SerializeToString()
        )

    async def ScoreModel(self, request: pb.ScoreModelRequest, context: object) -> pb.ScoreModelResponse:
        """Scores a model by gold and labels sent along."""
        return await self._computing.answer(
            pb.ScoreModelResponse, jobs.score_model, request.SerializeToString(), self._computing.cell_limit
        )


async def _checked(requests: AsyncIterator[pb.StreamFindLabelErrorsRequest]) -> AsyncIterator[bytes]:
    """The messages; raises OptionsMissing."""
    first = True
    async for request in requests:
        if request.HasField("options") != first:
            raise OptionsMissing
        first = False
        yield request.SerializeToString()
    if first:
        raise OptionsMissing
