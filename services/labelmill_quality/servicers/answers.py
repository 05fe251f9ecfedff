"""AnswersService: converts, calls, converts back."""
# ruff: noqa: N802 - the contract names the methods

from __future__ import annotations

from labelmill.quality.v1 import answers_service_pb2 as pb
from labelmill.quality.v1 import answers_service_pb2_grpc as grpc_pb
from labelmill_quality.jobs import answers as jobs
from labelmill_quality.jobs import choices
from labelmill_quality.servicers.computed import Computing


class AnswersServicer(grpc_pb.AnswersServiceServicer):
    """Aggregates sets of classes, numbers and texts sent along."""

    def __init__(self, computing: Computing) -> None:
        self._computing = computing

    async def AggregateNumbers(
        self, request: pb.AggregateNumbersRequest, context: object
    ) -> pb.AggregateNumbersResponse:
        """Makes one number of several about each item."""
        return await self._computing.answer(
            pb.AggregateNumbersResponse, jobs.aggregate_numbers, request.SerializeToString()
        )

    async def AggregateTexts(self, request: pb.AggregateTextsRequest, context: object) -> pb.AggregateTextsResponse:
        """Makes one text of several about each item."""
        return await self._computing.answer(
            pb.AggregateTextsResponse, jobs.aggregate_texts, request.SerializeToString()
        )

    async def AggregateChoices(
        self, request: pb.AggregateChoicesRequest, context: object
    ) -> pb.AggregateChoicesResponse:
        """Makes one set of classes of several about each item."""
        return await self._computing.answer(
            pb.AggregateChoicesResponse,
            choices.aggregate_choices,
            request.SerializeToString(),
            self._computing.cell_limit,
        )
