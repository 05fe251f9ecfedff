"""Work that comes round: each chore in a task of its own, again and again, until the service closes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from labelmill_runtime import faults
from labelmill_runtime.errors import LabelmillError


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to do every so often; what it leaves undone, the next round does."""

    name: str
    every_s: float
    run: Callable[[], Awaitable[None]]
    at_close: bool = False
    """Once more when the service closes."""


class Housekeeping:
    """Runs chores. One that fails is tried again at its next round; the log names the reason, never the content."""

    def __init__(self, chores: Sequence[Chore]) -> None:
        self._chores = chores
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begins; each chore at once for the first time."""
        self._tasks = [asyncio.create_task(_repeat(chore)) for chore in self._chores]

    async def close(self) -> None:
        """Ends, after the last round of those that ask for one."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for chore in self._chores:
            if self._tasks and chore.at_close:
                await _once(chore)


async def _repeat(chore: Chore) -> None:
    while True:
        await _once(chore)
        await asyncio.sleep(chore.every_s)


async def _once(chore: Chore) -> None:
    try:
        await chore.run()
    except LabelmillError as error:
        structlog.get_logger().warning("storage.chore_failed", chore=chore.name, reason=error.reason)
    except Exception as error:  # a bug in one round must not end all further ones
        structlog.get_logger().error("storage.chore_failed", chore=chore.name, **faults.describe(error))
