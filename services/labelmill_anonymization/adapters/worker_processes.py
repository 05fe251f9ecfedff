"""Worker processes that anonymize.

Texts of concurrent callers are gathered into batches, because a batch costs half of what its texts cost one by one.

Nothing waits for a batch to fill: a free worker takes what is there.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from labelmill_anonymization import worker
from labelmill_anonymization.errors import DetectionFailed, DetectionTimeout
from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.policy import Policy
from labelmill_anonymization.ports import Detector
from labelmill_anonymization.transform import CleanText
from labelmill_anonymization.worker import Outcome, TextJob
from labelmill_runtime.errors import LabelmillError, ResourceExhausted
from labelmill_runtime.workers import WorkerPool

_BATCH_CHARACTERS = 50_000
_CHARACTERS_PER_S = 1_000  # far below the slowest measured, so that only a stuck worker runs into it
_Waiting = tuple[TextJob, "asyncio.Future[Outcome]"]


class WorkerProcesses:
    """Anonymizes texts in worker processes; see `ports.Anonymizer`.

    Args:
        workers: Processes, each with a model of its own.
        batch_texts: Texts that a worker takes at once.
        max_pending: Texts that may wait; more are refused with ResourceExhausted.
        batch_timeout_s: How long a batch may take, beside what its length allows.
        make_detector: Importable; default Presidio.
    """

    def __init__(
        self,
        workers: int,
        *,
        batch_texts: int = 64,
        max_pending: int = 10_000,
        batch_timeout_s: float = 120.0,
        make_detector: Callable[[], Detector] | None = None,
    ) -> None:
        self._pool = WorkerPool(workers, worker.initialize, (make_detector,))
        self._workers = workers
        self._batch_texts = batch_texts
        self._max_pending = max_pending
        self._timeout_s = batch_timeout_s
        self._waiting: deque[_Waiting] = deque()
        self._in_flight = 0
        self._slots = workers + 1  # one batch lies ready for the worker that is done first
        self._tasks: set[asyncio.Task[None]] = set()
        self._versions: tuple[str, ...] | None = None

    async def anonymize(self, text: str, policy: Policy, keys: ProjectKeys) -> CleanText:
        """See `ports.Anonymizer`.

        Raises:
            ResourceExhausted: WORKERS_BUSY, too many texts wait.
            LabelmillError: What the detector failed with.
        """
        if len(self._waiting) >= self._max_pending:
            raise _busy(self._max_pending)
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((TextJob(text, policy, keys), future))
        self._dispatch()
        outcome = await future
        if isinstance(outcome, LabelmillError):
            raise outcome
        return outcome

    async def versions(self) -> tuple[str, ...]:
        """See `ports.Anonymizer`."""
        if self._versions is None:
            self._versions = await self._pool.call(worker.detector_versions)
        return self._versions

    async def start_warming(self) -> None:
        """Starts the workers and lets them load their models, without waiting for it; texts wait for them."""
        for _ in range(self._workers):
            self._keep(self._warm_one())

    async def _warm_one(self) -> None:
        try:
            await self._pool.call(worker.nap, 0.05)
        except LabelmillError as error:  # the first text will say so, too
            structlog.get_logger().error("anonymization.worker_not_warm", reason=error.reason)

    async def close(self) -> None:
        """Ends the workers; texts that still wait fail."""
        await self._pool.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        while self._waiting:
            self._waiting.popleft()[1].cancel()

    def _dispatch(self) -> None:
        while self._in_flight < self._slots and (batch := self._next_batch()):
            self._in_flight += 1
            self._keep(self._run(batch))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _next_batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        characters = 0
        while self._waiting and len(batch) < self._batch_texts:
            job, future = self._waiting[0]
            if batch and characters + len(job.text) > _BATCH_CHARACTERS:
                break
            self._waiting.popleft()
            if not future.done():  # its caller has given up
                batch.append((job, future))
                characters += len(job.text)
        return batch

    async def _run(self, batch: list[_Waiting]) -> None:
        try:
            outcomes = await self._outcomes([job for job, _ in batch])
            for (_, future), outcome in zip(batch, outcomes, strict=True):
                if not future.done():
                    future.set_result(outcome)
        finally:
            for _, future in batch:
                future.cancel()  # no effect on those that have their outcome
            self._in_flight -= 1
            self._dispatch()

    async def _outcomes(self, jobs: list[TextJob]) -> list[Outcome]:
        limit_s = self._timeout_s + sum(len(job.text) for job in jobs) / _CHARACTERS_PER_S
        try:
            async with asyncio.timeout(limit_s):
                return await self._pool.call(worker.anonymize_batch, jobs)
        except TimeoutError:
            return [DetectionTimeout() for _ in jobs]
        except LabelmillError as error:
            return [error for _ in jobs]
        except Exception as error:  # a batch that cannot even be sent or read back fails; its message may quote texts
            return [DetectionFailed(type(error).__name__) for _ in jobs]


def _busy(limit: int) -> ResourceExhausted:
    return ResourceExhausted(
        "WORKERS_BUSY",
        "Too many texts wait to be anonymized; try again a little later.",
        metadata={"limit": str(limit)},
        retry_after_s=1,
    )
