"""TrainingService: proto in, domain call, proto out."""

from __future__ import annotations

from typing import Any

from google.longrunning import operations_pb2
from google.rpc import code_pb2

from labelmill.training.v1 import resources_pb2, service_pb2, service_pb2_grpc
from labelmill.type.v1 import erasure_pb2
from labelmill_runtime import names
from labelmill_runtime.errors import NotFound
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.ids import ulid
from labelmill_runtime.operations import OperationStore
from labelmill_runtime.paging import PageTokens, page_size
from labelmill_training import convert, promotion
from labelmill_training.admission import admit
from labelmill_training.erasure import Erasure
from labelmill_training.jobs import KIND, Jobs
from labelmill_training.ports import Items, LabelSource, ModelServer, Registry
from labelmill_training.registry import ASSET, JOB, MODEL, VERSION, Job, ModelVersion


class TrainingServicer(service_pb2_grpc.TrainingServiceServicer):
    """Trains, registers and promotes models."""

    def __init__(
        self,
        registry: Registry,
        jobs: Jobs,
        labels: LabelSource,
        server: ModelServer,
        operations: OperationStore,
        requests: RequestLog,
        tokens: PageTokens,
        items: Items,
        erasure: Erasure,
    ) -> None:
        self._registry = registry
        self._jobs = jobs
        self._labels = labels
        self._server = server
        self._operations = operations
        self._requests = requests
        self._tokens = tokens
        self._items = items
        self._erasure = erasure

    async def CreateTrainingJob(  # noqa: N802
        self, request: service_pb2.CreateTrainingJobRequest, _context: Any
    ) -> operations_pb2.Operation:
        """Checks what can be checked now, and starts the job."""
        project = names.project_of(request.parent, field="parent")
        asked = convert.to_request(project, request.training_job)
        answered = await self._requests.answered(request, operations_pb2.Operation)
        if answered is not None:
            return answered
        await admit(project, asked, self._labels, self._server, self._registry)

        async def start(session: Any) -> operations_pb2.Operation:
            job_id = ulid()
            shown = convert.from_job(convert.new_job(project, job_id, asked))
            operation = await self._operations.start(
                session, kind=KIND, project=project, request=request, metadata=shown
            )
            await self._registry.add_job(session, project, job_id, asked, operation.name)
            return operation

        return await self._requests.once(request, start, operations_pb2.Operation)

    async def GetTrainingJob(  # noqa: N802
        self, request: service_pb2.GetTrainingJobRequest, _context: Any
    ) -> resources_pb2.TrainingJob:
        """One job, as far as it is."""
        parts = names.parse(JOB, request.name)
        return await self._shown(await self._registry.job(parts["project"], parts["training_job"]))

    async def ListTrainingJobs(  # noqa: N802
        self, request: service_pb2.ListTrainingJobsRequest, _context: Any
    ) -> service_pb2.ListTrainingJobsResponse:
        """Newest first."""
        project, size = names.project_of(request.parent, field="parent"), page_size(request.page_size)
        before = self._cursor(request)
        jobs = await self._registry.jobs(project, None if before is None else str(before), size + 1)
        return service_pb2.ListTrainingJobsResponse(
            training_jobs=[await self._shown(job) for job in jobs[:size]],
            next_page_token=self._token(request.parent, jobs[size - 1].id if len(jobs) > size else None),
        )

    async def ListModels(  # noqa: N802
        self, request: service_pb2.ListModelsRequest, _context: Any
    ) -> service_pb2.ListModelsResponse:
        """By name."""
        project, size = names.project_of(request.parent, field="parent"), page_size(request.page_size)
        after = self._cursor(request)
        models = await self._registry.models(project, None if after is None else str(after), size + 1)
        return service_pb2.ListModelsResponse(
            models=[convert.from_model(model) for model in models[:size]],
            next_page_token=self._token(request.parent, models[size - 1].id if len(models) > size else None),
        )

    async def GetModelVersion(  # noqa: N802
        self, request: service_pb2.GetModelVersionRequest, _context: Any
    ) -> resources_pb2.ModelVersion:
        """One version."""
        return convert.from_version(await self._version(request.name))

    async def ListModelVersions(  # noqa: N802
        self, request: service_pb2.ListModelVersionsRequest, _context: Any
    ) -> service_pb2.ListModelVersionsResponse:
        """Newest first."""
        parts, size = names.parse(MODEL, request.parent, field="parent"), page_size(request.page_size)
        before = self._cursor(request)
        bound = None if before is None else int(before)
        versions = await self._registry.versions(parts["project"], parts["model"], bound, size + 1)
        return service_pb2.ListModelVersionsResponse(
            model_versions=[convert.from_version(version) for version in versions[:size]],
            next_page_token=self._token(request.parent, versions[size - 1].version if len(versions) > size else None),
        )

    async def PromoteModelVersion(  # noqa: N802
        self, request: service_pb2.PromoteModelVersionRequest, _context: Any
    ) -> resources_pb2.ModelVersion:
        """Deploys first, and records the promotion only when prelabel answers with the version."""
        version = await self._version(request.name)
        async with self._registry.turn(version.project, version.model_id):
            # A repeated request must not deploy again: another version may have been promoted since.
            answered = await self._requests.answered(request, resources_pb2.ModelVersion)
            if answered is not None:
                return answered
            promotion.require_accuracy(version, request.min_accuracy)
            await promotion.deploy(version, self._jobs.folder(version.project, version.job_id), self._server)

            async def record(session: Any) -> resources_pb2.ModelVersion:
                await self._registry.mark_promoted(session, version)
                shown = convert.from_version(version)
                shown.promoted = True
                return shown

            return await self._requests.once(request, record, resources_pb2.ModelVersion)

    async def EraseAssets(  # noqa: N802
        self, request: erasure_pb2.EraseAssetsRequest, _context: Any
    ) -> erasure_pb2.EraseAssetsResponse:
        """Removes training data; models stay, and those that were trained on the assets are named."""
        project = names.project_of(request.parent, field="parent")
        asset_ids = names.ids_of(ASSET, request.names, project)
        removed = await self._erasure.remove_inputs(project, asset_ids)

        async def tell(session: Any) -> erasure_pb2.EraseAssetsResponse:
            trained = await self._items.trained(session, project, asset_ids)
            return convert.erased(removed, trained)

        response: erasure_pb2.EraseAssetsResponse = await self._requests.once(
            request, tell, erasure_pb2.EraseAssetsResponse
        )
        await self._requests.forget(request.names)
        await self._items.scrub()
        return response

    async def _version(self, name: str) -> ModelVersion:
        parts = names.parse(VERSION, name)
        number = convert.to_version_number(parts["version"])
        return await self._registry.version(parts["project"], parts["model"], number)

    async def _shown(self, job: Job) -> resources_pb2.TrainingJob:
        """The job; while it is not over, its operation knows more."""
        message = convert.from_job(job)
        if job.state.ended:
            return message
        try:
            operation = await self._operations.get(job.operation)
        except NotFound:  # only what has ended can be deleted: it was cancelled before it began
            return convert.ended_unseen(message, None)
        if operation.HasField("error"):
            cancelled = operation.error.code == code_pb2.CANCELLED
            return convert.ended_unseen(message, None if cancelled else operation.error)
        operation.metadata.Unpack(message)
        message.operation = job.operation
        return message

    def _cursor(self, request: Any) -> str | int | float | None:
        cursor = self._tokens.decode(request.page_token, parent=request.parent)
        return cursor[0] if cursor else None

    def _token(self, parent: str, last: str | int | None) -> str:
        return "" if last is None else self._tokens.encode([last], parent=parent)
