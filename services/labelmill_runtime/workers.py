"""Worker processes for CPU-bound work: spawned, warm, with a bounded queue, replaced when they die."""

from __future__ import annotations

import asyncio
import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, ParamSpec, TypeVar

import structlog

from labelmill_runtime.errors import ResourceExhausted, Unavailable

P = ParamSpec("P")
R = TypeVar("R")

_PR_SET_PDEATHSIG = 1
_PARENT_LOOK_S = 1.0


class WorkerPool:
    """Runs functions in worker processes.

    Args:
        workers: How many processes.
        initializer: Importable function that warms a worker up (loads models); called once in each.
        initargs: Its arguments.
        max_pending: Calls that may run or wait at once; more raise ResourceExhausted.
    """

    def __init__(
        self,
        workers: int,
        initializer: Callable[..., None] | None = None,
        initargs: tuple[Any, ...] = (),
        max_pending: int = 256,
    ) -> None:
        self._workers = workers
        self._initializer = initializer
        self._initargs = initargs
        self._max_pending = max_pending
        self._pending = 0
        self._closed = False
        self._executor = self._make()

    @property
    def pending(self) -> int:
        """Calls that run or wait."""
        return self._pending

    async def warm(self) -> None:
        """Starts every worker now instead of at the first calls."""
        await asyncio.gather(*(self.call(time.sleep, 0.05) for _ in range(self._workers)))

    async def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs an importable function in a worker and returns what it returns.

        A worker that dies is replaced and the call made once more, so the function must bear being run twice. Giving up
        on a call does not stop its worker; its place in the queue is free again when the worker is done with it.

        Raises:
            ResourceExhausted: WORKERS_BUSY, the queue is full.
            Unavailable: WORKER_DIED twice, or the pool is closed.
        """
        executor = self._executor
        try:
            return await asyncio.wrap_future(self._submit(executor, function, *args, **kwargs))
        except BrokenProcessPool:
            structlog.get_logger().warning("workers.died", function=getattr(function, "__qualname__", ""))
            self._replace(executor)
        try:
            return await asyncio.wrap_future(self._submit(self._executor, function, *args, **kwargs))
        except BrokenProcessPool:
            self._replace(self._executor)
            raise Unavailable("WORKER_DIED", "The worker process died twice on this call.", retry_after_s=5) from None

    async def close(self, grace_s: float = 2.0) -> None:
        """Lets running calls end within `grace_s`, drops waiting ones, ends the workers.

        Workers are killed rather than asked: one that is still loading its models would be waited for, and calls bear
        being cut off.
        """
        self._closed = True
        executor = self._executor
        # There is no public way to end workers before 3.14, and shutdown() forgets the thread that buries them.
        processes = list((executor._processes or {}).values())
        undertaker: Any = executor._executor_manager_thread
        executor.shutdown(wait=False, cancel_futures=True)
        deadline = time.monotonic() + grace_s
        while self._pending and time.monotonic() < deadline:  # noqa: ASYNC110 - once per process
            await asyncio.sleep(0.02)
        for process in processes:
            process.kill()
        if undertaker is not None:
            await asyncio.to_thread(undertaker.join)

    def _submit(
        self, executor: ProcessPoolExecutor, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> Future[R]:
        if self._closed:
            raise Unavailable("WORKERS_CLOSED", "The server is shutting down.", retry_after_s=1)
        if self._pending >= self._max_pending:
            raise ResourceExhausted(
                "WORKERS_BUSY",
                "Too much is waiting to be computed; try again a little later.",
                metadata={"limit": str(self._max_pending)},
                retry_after_s=1,
            )
        loop = asyncio.get_running_loop()
        future = executor.submit(function, *args, **kwargs)
        self._pending += 1
        future.add_done_callback(lambda _future: self._settle(loop))
        return future

    def _settle(self, loop: asyncio.AbstractEventLoop) -> None:
        # Called in the executor's thread, possibly after the loop has gone.
        try:
            loop.call_soon_threadsafe(self._free)
        except RuntimeError:
            self._free()

    def _free(self) -> None:
        self._pending -= 1

    def _replace(self, broken: ProcessPoolExecutor) -> None:
        if self._executor is broken and not self._closed:  # the first of many callers that notice does it
            self._executor = self._make()
            broken.shutdown(wait=False, cancel_futures=True)

    def _make(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self._workers,
            mp_context=multiprocessing.get_context("spawn"),  # never fork: gRPC's threads would not survive it
            initializer=_begin,
            initargs=(os.getpid(), self._initializer, self._initargs),
        )


def _begin(parent: int, initializer: Callable[..., None] | None, initargs: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    _die_with(parent)
    if initializer is not None:
        initializer(*initargs)


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_watch, args=(parent,), daemon=True, name="parent-watch").start()


def _watch(parent: int) -> None:
    # The kernel's signal is tied to the thread that spawned us and is not everywhere; looking works always.
    while os.getppid() == parent:
        time.sleep(_PARENT_LOOK_S)
    os._exit(1)
