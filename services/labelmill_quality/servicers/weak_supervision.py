"""WeakSupervisionService: converts, calls, converts back."""
# ruff: noqa: N802 - the contract names the methods

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

from google.longrunning import operations_pb2
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill.quality.v1 import weak_supervision_service_pb2 as pb
from labelmill.quality.v1 import weak_supervision_service_pb2_grpc as grpc_pb
from labelmill_quality.convert import weak_supervision as convert
from labelmill_quality.intake.errors import StreamSequence
from labelmill_quality.intake.spool import Spools
from labelmill_quality.jobs import weak_supervision as jobs
from labelmill_quality.operations.supervising import KIND, ModelAnswers, ProjectSupervision
from labelmill_quality.servicers.computed import Computing
from labelmill_quality.servicers.spooled import answered
from labelmill_quality.weak_supervision.rules import Prediction
from labelmill_runtime import names
from labelmill_runtime.errors import LabelmillError
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.operations import OperationStore
from labelmill_runtime.principal import current_principal


class WeakSupervisionServicer(grpc_pb.WeakSupervisionServiceServicer):
    """Labels from functions that vote or abstain."""

    def __init__(
        self,
        computing: Computing,
        spools: Spools,
        models: ModelAnswers,
        supervision: ProjectSupervision,
        operations: OperationStore,
        requests: RequestLog,
    ) -> None:
        self._computing = computing
        self._spools = spools
        self._models = models
        self._supervision = supervision
        self._operations = operations
        self._requests = requests

    async def ApplyLabelingFunctions(
        self, request: pb.ApplyLabelingFunctionsRequest, context: object
    ) -> pb.ApplyLabelingFunctionsResponse:
        """Applies functions to texts sent along."""
        functions = convert.functions(request.functions)
        answers = await self._models.about(functions, [item.text for item in request.items], current_principal())
        for answer in (one for every in answers.values() for one in every):
            if isinstance(answer, LabelmillError):
                raise answer
        return await self._computing.answer(
            pb.ApplyLabelingFunctionsResponse,
            jobs.apply_labeling_functions,
            request.SerializeToString(),
            cast("dict[str, list[Prediction]]", answers),
        )

    async def FitLabelModel(self, request: pb.FitLabelModelRequest, context: object) -> pb.FitLabelModelResponse:
        """Puts votes sent along together."""
        return await self._computing.answer(
            pb.FitLabelModelResponse, jobs.fit_label_model, request.SerializeToString(), self._computing.cell_limit
        )

    async def StreamFitLabelModel(
        self, request_iterator: AsyncIterator[pb.StreamFitLabelModelRequest], context: object
    ) -> AsyncIterator[pb.StreamFitLabelModelResponse]:
        """Puts a stream of votes together."""
        bodies = answered(
            _checked(request_iterator),
            self._spools,
            self._computing,
            jobs.fit_label_model_of_stream,
            self._computing.cell_limit,
        )
        async for body in bodies:
            yield pb.StreamFitLabelModelResponse.FromString(body)

    async def SuperviseProject(self, request: pb.SuperviseProjectRequest, context: object) -> operations_pb2.Operation:
        """Starts the labeling of a project by functions."""
        await self._supervision.check(request, current_principal())
        metadata = pb.SuperviseProjectMetadata()
        metadata.progress.create_time.GetCurrentTime()

        async def start(session: AsyncSession) -> operations_pb2.Operation:
            project = names.project_of(request.parent, field="parent")
            return await self._operations.start(session, kind=KIND, project=project, request=request, metadata=metadata)

        return await self._requests.once(request, start, operations_pb2.Operation)


async def _checked(requests: AsyncIterator[pb.StreamFitLabelModelRequest]) -> AsyncIterator[bytes]:
    """The messages; raises StreamSequence."""
    first = True
    async for request in requests:
        if request.HasField("options") != first:
            raise StreamSequence("the first message must have the options, and no other")
        first = False
        yield request.SerializeToString()
    if first:
        raise StreamSequence("the first message must have the options")
