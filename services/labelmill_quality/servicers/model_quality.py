"""ModelQualityService: converts, calls, converts back."""
# ruff: noqa: N802 - the contract names the methods

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from labelmill.quality.v1 import model_quality_service_pb2 as pb
from labelmill.quality.v1 import model_quality_service_pb2_grpc as grpc_pb
from labelmill_quality.intake.spool import Spools, frames
from labelmill_quality.jobs import model_quality as jobs
from labelmill_quality.label_errors.errors import OptionsMissing
from labelmill_quality.servicers.computed import Computing


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
        first = await anext(request_iterator, None)
        if first is None or not first.HasField("options"):
            raise OptionsMissing
        with self._spools.open() as spool:
            spool.append_frame(jobs.ITEMS, first.SerializeToString())
            async for request in request_iterator:
                if request.HasField("options"):
                    raise OptionsMissing
                await asyncio.to_thread(spool.append_frame, jobs.ITEMS, request.SerializeToString())
            spool.close()
            options = first.options.SerializeToString()
            folder = str(spool.folder)
            await self._computing.call(jobs.find_label_errors_of_stream, folder, options, self._computing.cell_limit)
            for body in frames(spool.folder / jobs.ANSWERS):
                yield pb.StreamFindLabelErrorsResponse.FromString(body)
                await asyncio.sleep(0)  # messages that wait for nobody must not hold up the loop

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
