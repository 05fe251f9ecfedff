"""Worker processes that anonymize.

Texts of concurrent callers are gathered into batches, because a batch costs half of what its texts cost one by one.
Nothing waits for a batch to fill: a free worker takes what is there.

A batch whose worker dies is tried once more. Where that one dies, too, each of its texts is tried alone, with nothing
else under way that could suffer from it, so that only the text that kills workers fails.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from labelmill_anonymization import worker
from labelmill_anonymization.adapters.backlog import Backlog, Waiting
from labelmill_anonymization.errors import DetectionFailed, DetectionTimeout
from labelmill_anonymization.keys import ProjectKeys
from labelmill_anonymization.policy import Policy
from labelmill_anonymization.ports import Detector
from labelmill_anonymization.transform import CleanText
from labelmill_anonymization.worker import Outcome, TextJob
from labelmill_runtime.errors import LabelmillError, ResourceExhausted, Unavailable
from labelmill_runtime.workers import WorkerPool

_CHARACTERS_PER_S = 1_000  # far below the slowest measured, so that only a stuck worker runs into it
_WORKER_DIED = "WORKER_DIED"


class WorkerProcesses:
    """Anonymizes texts in worker processes; see `ports.Anonymizer`.

    Args:
        workers: Processes, each with models of its own.
        batch_texts: Texts that a worker takes at once.
        max_pending: Texts that may wait; more are refused with ResourceExhausted.
        max_wait_s: How long a text may have to wait, estimated; those that would wait longer are refused, too.
        batch_timeout_s: How long a batch may take, beside what its length allows.
        make_detector: Importable; default the real one.
    """

    def __init__(
        self,
        workers: int,
        *,
        batch_texts: int = 64,
        max_pending: int = 10_000,
        max_wait_s: float = 10.0,
        batch_timeout_s: float = 120.0,
        make_detector: Callable[[], Detector] | None = None,
    ) -> None:
        self._pool = WorkerPool(workers, worker.initialize, (make_detector,))
        self._workers = workers
        self._max_pending = max_pending
        self._max_wait_s = max_wait_s
        self._timeout_s = batch_timeout_s
        self._backlog = Backlog(workers, batch_texts)
        self._suspects: deque[Waiting] = deque()
        self._is_alone = False
        self._in_flight = 0
        self._dispatch_is_due = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._versions: tuple[str, ...] | None = None

    async def anonymize(self, text: str, policy: Policy, keys: ProjectKeys) -> CleanText:
        """See `ports.Anonymizer`.

        Raises:
            ResourceExhausted: WORKERS_BUSY, too many texts wait, or they will take too long.
            LabelmillError: What the detector failed with.
        """
        self._require_room()
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._backlog.add((TextJob(text, policy, keys), future))
        self._dispatch_soon()
        outcome = await future
        if isinstance(outcome, LabelmillError):
            raise outcome
        return outcome

    def _require_room(self) -> None:
        wait_s = self._backlog.wait_s
        if len(self._backlog) >= self._max_pending or wait_s > self._max_wait_s:
            raise ResourceExhausted(
                "WORKERS_BUSY",
                "Too many texts wait to be anonymized; try again a little later.",
                metadata={"limit": str(self._max_pending), "limit_s": f"{self._max_wait_s:g}"},
                retry_after_s=max(1, math.ceil(wait_s - self._max_wait_s)),
            )

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
        while self._tasks:  # without workers they end by themselves; one cancelled before it began would tell nobody
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self._backlog.cancel()
        while self._suspects:
            self._suspects.popleft()[1].cancel()

    def _dispatch_soon(self) -> None:
        """After what else is due in this turn of the loop, so that texts that come together travel together."""
        if not self._dispatch_is_due:
            self._dispatch_is_due = True
            asyncio.get_running_loop().call_soon(self._dispatch)

    def _dispatch(self) -> None:
        self._dispatch_is_due = False
        if self._suspects or self._is_alone:
            if not self._in_flight:
                self._is_alone = True
                self._start([self._suspects.popleft()], self._try_alone)
            return
        while self._has_room() and (batch := self._backlog.take(self._workers - self._in_flight)):
            self._start(batch, self._run)

    def _has_room(self) -> bool:
        """Whether a worker is free, or enough texts wait that one batch may lie ready for the worker that will be."""
        ready = self._in_flight - self._workers
        return ready < 0 or (ready == 0 and self._backlog.is_worth_preparing)

    def _start(self, batch: list[Waiting], run: Callable[[list[Waiting]], Coroutine[Any, Any, None]]) -> None:
        self._in_flight += 1
        self._keep(run(batch))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, batch: list[Waiting]) -> None:
        seconds = None
        suspects: list[Waiting] = []
        try:
            outcomes, seconds = await self._outcomes([job for job, _ in batch])
            if len(batch) > 1 and any(map(_died, outcomes)):
                suspects = batch
            else:
                _tell(batch, outcomes)
        finally:
            self._suspects.extend(suspects)
            self._finish([] if suspects else batch)
            if seconds is not None:
                self._backlog.done(batch, seconds)
            self._dispatch()

    async def _try_alone(self, batch: list[Waiting]) -> None:
        try:
            outcomes, _ = await self._outcomes([job for job, _ in batch])
            _tell(batch, outcomes)
            if any(map(_died, outcomes)) and not await self._can_work():
                while self._suspects:  # it was not the texts
                    _tell([self._suspects.popleft()], outcomes)
        finally:
            self._is_alone = False
            self._finish(batch)
            self._dispatch()

    def _finish(self, batch: list[Waiting]) -> None:
        for _, future in batch:
            future.cancel()  # no effect on those that have their outcome
        self._in_flight -= 1

    async def _can_work(self) -> bool:
        try:
            await self._pool.call(worker.nap, 0.0)
        except LabelmillError:
            return False
        return True

    async def _outcomes(self, jobs: list[TextJob]) -> tuple[list[Outcome], float | None]:
        limit_s = self._timeout_s + sum(len(job.text) for job in jobs) / _CHARACTERS_PER_S
        failure: LabelmillError
        try:
            async with asyncio.timeout(limit_s):
                return await self._pool.call(worker.anonymize_timed, jobs)
        except TimeoutError:
            failure = DetectionTimeout()
        except LabelmillError as error:
            failure = error
        except Exception as error:  # a batch that cannot even be sent or read back fails; its message may quote texts
            failure = DetectionFailed(type(error).__name__)
        return [failure for _ in jobs], None


def _died(outcome: Outcome) -> bool:
    return isinstance(outcome, Unavailable) and outcome.reason == _WORKER_DIED


def _tell(batch: list[Waiting], outcomes: list[Outcome]) -> None:
    for (_, future), outcome in zip(batch, outcomes, strict=True):
        if not future.done():
            future.set_result(outcome)
