"""labelmill.annotation.v1.TaskService."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.rpc import status_pb2
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill.annotation.v1 import resources_pb2, service_pb2, service_pb2_grpc
from labelmill_annotation.convert import requests, resources
from labelmill_annotation.projects import Project
from labelmill_annotation.servicers.desk import Desk, project_id, read_page
from labelmill_annotation.tasks import DEFAULT_BATCH, State, Task
from labelmill_annotation.work import correction, creation, erasure, handout, holding, projects
from labelmill_runtime import names
from labelmill_runtime.errors import LabelmillError
from labelmill_runtime.principal import current_principal

_PREDICTION_BYTES = 3 * 1024 * 1024
_CreateResult = service_pb2.BatchCreateTasksResponse.Result
_SubmitResult = service_pb2.BatchSubmitTasksResponse.Result
_HeartbeatResult = service_pb2.HeartbeatTasksResponse.Result


class _TooEarly(Exception):
    """Nothing was free at this moment; to be sure, ask again alone."""


class TaskServicer(service_pb2_grpc.TaskServiceServicer):
    """Tasks: who labels what, under a lease."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def BatchCreateTasks(  # noqa: N802
        self, request: service_pb2.BatchCreateTasksRequest, context: Any
    ) -> service_pb2.BatchCreateTasksResponse:
        """Creates tasks for clean assets."""
        parent, batch = project_id(request.parent), request.batch or DEFAULT_BATCH
        await self._require_project(parent)
        assets = [requests.asset_id(name, parent, f"assets[{i}]") for i, name in enumerate(request.assets)]
        valid = [asset for asset in assets if isinstance(asset, str)]
        began_ms = self._desk.now_ms()
        described = await self._desk.assets.describe(parent, valid) if valid else {}

        async def respond(session: AsyncSession) -> service_pb2.BatchCreateTasksResponse:
            records, now_ms = self._desk.archive.within(session), self._desk.now_ms()
            project = await projects.require_locked(records.projects, parent)
            known = await erasure.without_erased(records, parent, described, began_ms)
            made = await creation.create_tasks(records, project, batch, request.priority, valid, known, now_ms)
            by_asset = dict(zip(valid, made, strict=True))
            outcomes = [by_asset[asset] if isinstance(asset, str) else asset for asset in assets]
            named = zip(request.assets, outcomes, strict=True)
            results = [_created(parent, asset, outcome) for asset, outcome in named]
            return service_pb2.BatchCreateTasksResponse(results=results)

        return await self._desk.requests.once(request, respond, service_pb2.BatchCreateTasksResponse)

    async def LeaseTasks(  # noqa: N802
        self, request: service_pb2.LeaseTasksRequest, context: Any
    ) -> service_pb2.LeaseTasksResponse:
        """Leases tasks to the caller."""
        try:
            response = await self._lease(request, alone=not self._desk.archive.overlapping)
        except _TooEarly:
            response = await self._lease(request, alone=True)
        await self._attach_predictions(project_id(request.parent), response.tasks)
        return response

    async def HeartbeatTasks(  # noqa: N802
        self, request: service_pb2.HeartbeatTasksRequest, context: Any
    ) -> service_pb2.HeartbeatTasksResponse:
        """Prolongs leases."""
        claims = [requests.claim(lease, f"leases[{i}]") for i, lease in enumerate(request.leases)]
        labeler = current_principal().id

        async def respond(session: AsyncSession) -> service_pb2.HeartbeatTasksResponse:
            records = self._desk.archive.within(session)
            project = await projects.require(records.projects, project_id(request.parent))
            outcomes = await holding.prolong(records, project, labeler, claims, self._desk.now_ms())
            named = zip(request.leases, outcomes, strict=True)
            results = [_prolonged(project, lease.task, outcome) for lease, outcome in named]
            return service_pb2.HeartbeatTasksResponse(results=results)

        return await self._desk.requests.once(request, respond, service_pb2.HeartbeatTasksResponse)

    async def BatchSubmitTasks(  # noqa: N802
        self, request: service_pb2.BatchSubmitTasksRequest, context: Any
    ) -> service_pb2.BatchSubmitTasksResponse:
        """Submits tasks."""
        submissions = [requests.submission(item, i) for i, item in enumerate(request.items)]
        labeler = current_principal().id

        async def respond(session: AsyncSession) -> service_pb2.BatchSubmitTasksResponse:
            records, now_ms = self._desk.archive.within(session), self._desk.now_ms()
            project = await projects.require(records.projects, project_id(request.parent))
            ontologies = self._desk.ontologies
            outcomes = await holding.submit(records, project, labeler, submissions, ontologies, now_ms)
            results = []
            for item, outcome in zip(request.items, outcomes, strict=True):
                made = [] if isinstance(outcome, LabelmillError) else [version.name for version in outcome]
                status = resources.status(outcome)
                results.append(_SubmitResult(task=item.lease.task, annotations=made, status=status))
            return service_pb2.BatchSubmitTasksResponse(results=results)

        return await self._desk.requests.once(request, respond, service_pb2.BatchSubmitTasksResponse)

    async def SkipTask(  # noqa: N802
        self, request: service_pb2.SkipTaskRequest, context: Any
    ) -> resources_pb2.Task:
        """Gives a task back for good."""
        return await self._give_back(request, for_good=True, reason=request.reason)

    async def ReleaseTask(  # noqa: N802
        self, request: service_pb2.ReleaseTaskRequest, context: Any
    ) -> resources_pb2.Task:
        """Gives a task back."""
        return await self._give_back(request, for_good=False)

    async def GetTask(  # noqa: N802
        self, request: service_pb2.GetTaskRequest, context: Any
    ) -> resources_pb2.Task:
        """Reads a task; its holder gets the lease with it."""
        parts, caller = names.parse(holding.TASK_NAME, request.name), current_principal()
        async with self._desk.archive.reading() as records:
            project = await projects.require(records.projects, parts["project"])
            task = await correction.visible_task(records, caller, project, parts["task"], self._desk.now_ms())
        message = resources.task_message(task)
        if task.state is State.LEASED and task.labeler == caller.id:
            message.lease.CopyFrom(resources.lease(project, task))
            await self._attach_predictions(project.id, [message])
        return message

    async def ListTasks(  # noqa: N802
        self, request: service_pb2.ListTasksRequest, context: Any
    ) -> service_pb2.ListTasksResponse:
        """Lists tasks."""
        parent, now_ms = project_id(request.parent), self._desk.now_ms()
        async with self._desk.archive.reading() as records:
            await projects.require(records.projects, parent)
            page, token = await read_page(
                self._desk.page_tokens,
                request,
                parent=request.parent,
                filter_text=request.filter,
                start=0,
                fetch=lambda after, limit: records.tasks.page(parent, request.filter, int(after), limit, now_ms),
                place=lambda row: row[0],
            )
        messages = [resources.task_message(task.as_of(now_ms)) for _, task in page]
        return service_pb2.ListTasksResponse(tasks=messages, next_page_token=token)

    async def GetTaskStatistics(  # noqa: N802
        self, request: service_pb2.GetTaskStatisticsRequest, context: Any
    ) -> service_pb2.TaskStatistics:
        """Counts tasks."""
        parent = project_id(request.parent)
        async with self._desk.archive.reading() as records:
            await projects.require(records.projects, parent)
            counts = await records.tasks.count(parent, request.filter, self._desk.now_ms())
        messages = [
            service_pb2.TaskStatistics.Count(
                kind=int(count.kind),  # type: ignore[arg-type]
                state=int(count.state),  # type: ignore[arg-type]
                labeler=count.labeler,
                task_count=count.task_count,
            )
            for count in counts
        ]
        total = sum(count.task_count for count in counts)
        return service_pb2.TaskStatistics(counts=messages, total_count=total)

    async def _require_project(self, parent: str) -> None:
        async with self._desk.archive.reading() as records:
            await projects.require(records.projects, parent)

    async def _lease(self, request: service_pb2.LeaseTasksRequest, *, alone: bool) -> service_pb2.LeaseTasksResponse:
        labeler = current_principal().id

        async def respond(session: AsyncSession) -> service_pb2.LeaseTasksResponse:
            records = self._desk.archive.within(session)
            project = await projects.require(records.projects, project_id(request.parent))
            has_duration = request.HasField("lease_duration")
            lease_ms = resources.duration_ms(request.lease_duration) if has_duration else project.plan.lease_duration
            ask = handout.Ask(labeler, request.max_tasks or 1, request.batch, lease_ms, self._desk.now_ms())
            tasks = await handout.lease(records, project, ask, alone=alone)
            if not tasks and not alone:
                raise _TooEarly
            return service_pb2.LeaseTasksResponse(tasks=[resources.held_task(project, task) for task in tasks])

        return await self._desk.requests.once(request, respond, service_pb2.LeaseTasksResponse)

    async def _give_back(
        self,
        request: service_pb2.SkipTaskRequest | service_pb2.ReleaseTaskRequest,
        *,
        for_good: bool,
        reason: str = "",
    ) -> resources_pb2.Task:
        parts, labeler = names.parse(holding.TASK_NAME, request.name), current_principal().id
        claim = holding.Claim(request.name, request.lease_token, "name", "lease_token")

        async def respond(session: AsyncSession) -> resources_pb2.Task:
            records, now_ms = self._desk.archive.within(session), self._desk.now_ms()
            project = await projects.require(records.projects, parts["project"])
            task = await holding.give_back(records, project, labeler, claim, now_ms, for_good=for_good, reason=reason)
            return resources.task_message(task.disguised())

        return await self._desk.requests.once(request, respond, resources_pb2.Task)

    async def _attach_predictions(self, project: str, tasks: Sequence[resources_pb2.Task]) -> None:
        """Puts predictions beside leased tasks, where the project shows them; not kept with the answer."""
        if not tasks:
            return
        async with self._desk.archive.reading() as records:
            found = await projects.require(records.projects, project)
        if not found.plan.show_predictions:
            return
        by_asset = {task.asset.rpartition("/")[2]: task for task in tasks}
        size = 0
        for asset, predicted in (await self._desk.predictions.read(project, list(by_asset))).items():
            size += sum(map(len, predicted))
            if asset not in by_asset or size > _PREDICTION_BYTES:  # the answer has to fit into one message
                continue
            for payload in predicted:
                by_asset[asset].predictions.add().ParseFromString(payload)


def _created(project: str, asset: str, outcome: Sequence[str] | LabelmillError) -> _CreateResult:
    tasks = [] if isinstance(outcome, LabelmillError) else [f"projects/{project}/tasks/{task}" for task in outcome]
    return _CreateResult(asset=asset, tasks=tasks, status=resources.status(outcome))


def _prolonged(project: Project, name: str, outcome: Task | LabelmillError) -> _HeartbeatResult:
    if isinstance(outcome, LabelmillError):
        return _HeartbeatResult(task=name, status=resources.status(outcome))
    return _HeartbeatResult(task=name, lease=resources.lease(project, outcome), status=status_pb2.Status())
