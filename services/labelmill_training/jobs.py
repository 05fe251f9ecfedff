"""The operation "train": runs one job, and records how it ended."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from labelmill.training.v1 import resources_pb2, service_pb2
from labelmill_runtime.database import Database
from labelmill_runtime.errors import Cancelled, LabelmillError, NotFound
from labelmill_runtime.operations import OperationContext, OperationStore
from labelmill_runtime.status import internal_error, to_status
from labelmill_training import convert
from labelmill_training.fine_tuning import FineTuning, Limits
from labelmill_training.job_folder import JobFolder
from labelmill_training.ports import Items, LabelSource, ModelServer, Registry, Trainer
from labelmill_training.registry import Job, JobState
from labelmill_training.training_set import LabelledSet

KIND = "train"


class OperationJournal:
    """Journal: the operation's own progress."""

    def __init__(self, context: OperationContext, job: Job) -> None:
        self._context = context
        self._job = job
        self.latest: tuple[str, int, int] = ("starting", 0, 0)

    async def note(self, stage: str, done: int, total: int) -> None:
        """Stores how far the job is."""
        self.latest = (stage, done, total)
        await self._context.progress(convert.with_progress(self._job, self.latest, time.time_ns() // 1_000_000))

    def raise_if_stopped(self) -> None:
        """Raises when the job was cancelled or must stop."""
        self._context.raise_if_stopped()


async def is_over(operations: OperationStore, operation: str) -> bool:
    """Whether nobody works on an operation any more, also if its job was not told of an end."""
    try:
        return bool((await operations.get(operation)).done)
    except NotFound:  # only what is over can be deleted
        return True


class Jobs:
    """Runs jobs; `run` is what the operation store calls, again after a crash."""

    def __init__(
        self,
        database: Database,
        registry: Registry,
        items: Items,
        labels: LabelSource,
        server: ModelServer,
        trainer: Trainer,
        artifacts: Path,
        limits: Limits,
    ) -> None:
        self._database = database
        self._registry = registry
        self._items = items
        self._labels = labels
        self._server = server
        self._trainer = trainer
        self._artifacts = artifacts
        self._limits = limits

    def folder(self, project: str, job_id: str) -> JobFolder:
        """Where a job keeps its files."""
        return JobFolder(self._artifacts / project / job_id)

    def folders(self, project: str) -> list[JobFolder]:
        """The folders of all the project's jobs."""
        root = self._artifacts / project
        return [JobFolder(path) for path in sorted(root.iterdir())] if root.is_dir() else []

    async def run(
        self, context: OperationContext, _request: service_pb2.CreateTrainingJobRequest
    ) -> resources_pb2.TrainingJob:
        """Runs the operation's job to its end."""
        job = await self._registry.job_of(context.name)
        if job.state is not JobState.SUCCEEDED:
            journal = OperationJournal(context, job)
            try:
                await self._run(context, job, journal)
            except Exception as error:
                await self._record_failure(context, job, journal, error)
                raise
            job = await self._registry.job_of(context.name)
        return convert.from_job(job)

    async def _run(self, context: OperationContext, job: Job, journal: OperationJournal) -> None:
        async def record(chosen: LabelledSet, began_ms: int) -> frozenset[str]:
            return await self._items.record(job, chosen, began_ms, context.hold)

        folder = self.folder(job.project, job.id)
        work = FineTuning(
            job.project, job.request, folder, self._labels, self._server, self._trainer, journal, record, self._limits
        )
        spec, result = await work.run()
        await asyncio.to_thread(folder.remove_inputs)  # nobody needs them again
        items = result.training_item_count + result.evaluation_item_count
        await journal.note("registering", items, items)
        async with self._database.transaction() as session:
            await context.hold(session)  # a process that was taken for dead registers nothing
            version = await self._registry.register(session, job, spec, result)
            done = ("done", items, items)
            await self._registry.end_job(session, job, JobState.SUCCEEDED, done, version=version.version)

    async def _record_failure(
        self, context: OperationContext, job: Job, journal: OperationJournal, error: Exception
    ) -> None:
        state = JobState.CANCELLED if isinstance(error, Cancelled) else JobState.FAILED
        told = error if isinstance(error, LabelmillError) else internal_error(context.name.rpartition("/")[2])
        async with self._database.transaction() as session:
            await context.hold(session)
            status = to_status(told).SerializeToString()
            await self._registry.end_job(session, job, state, journal.latest, error=status)
        await asyncio.to_thread(self.folder(job.project, job.id).remove_inputs)
