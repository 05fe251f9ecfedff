"""Blocking calls in a bounded pool of threads, whose ends are always awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

I = TypeVar("I")  # noqa: E741 - an item
R = TypeVar("R")


class Threads:
    """A bounded pool."""

    def __init__(self, width: int, name: str) -> None:
        self._width = width
        self._pool = ThreadPoolExecutor(width, thread_name_prefix=name)
        self._finishing: set[asyncio.Task[None]] = set()

    async def run(self, work: Callable[[], R]) -> R:
        """Runs one blocking call."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def spread(self, items: Sequence[I], work: Callable[[Sequence[I]], R]) -> list[R]:
        """Gives each thread a slice of the items: a hop per item would cost more than a small item.

        Waits for all, also when one fails or the caller is cancelled, so that nothing works on behind our back.
        """
        size = max(1, -(-len(items) // self._width))
        slices = [items[start : start + size] for start in range(0, len(items), size)]
        running = asyncio.gather(*(self.run(partial(work, part)) for part in slices), return_exceptions=True)
        try:
            outcomes = await asyncio.shield(running)
        except asyncio.CancelledError:
            await running
            raise
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]

    async def finish(self, work: Coroutine[Any, Any, None]) -> None:
        """Awaits work that goes on to its end even if the caller is cancelled meanwhile, maybe for a second time."""
        task = asyncio.create_task(work)
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)
        await asyncio.shield(task)

    async def close(self) -> None:
        """Waits for the calls that run."""
        await asyncio.gather(*self._finishing, return_exceptions=True)
        await asyncio.to_thread(self._pool.shutdown)


class Steps:
    """Blocking steps of one piece of work, one after the other.

    A caller may be cancelled while a thread still works on its step; `last` waits for that step, so that whoever
    cleans up after the caller finds nothing moving.
    """

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._step: asyncio.Future[Any] | None = None

    async def do(self, work: Callable[[], R]) -> R:
        """Runs the next step."""
        step = asyncio.ensure_future(self._threads.run(work))
        self._step = step
        return await asyncio.shield(step)

    async def last(self, work: Callable[[], None]) -> None:
        """Runs the last step, once the one before has ended one way or the other, and whoever is cancelled."""
        await self._threads.finish(self._last(work))

    async def _last(self, work: Callable[[], None]) -> None:
        if self._step is not None:
            await asyncio.wait([self._step])
        await self._threads.run(work)
