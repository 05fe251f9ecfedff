"""SQLite connections that a cancelled call leaves behind without their locks.

aiosqlite runs statements in a thread. When the task that waits for one is cancelled, the thread goes on, and SQLAlchemy
closes the connection without a rollback. SQLite keeps such a connection, and with it the write lock, for as long as a
statement of it lives (sqlite3_close_v2), here in the frames of the error: every other writer waits until "database is
locked". So a cancellation is delivered when the statement has ended, and closing rolls back first.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

T = TypeVar("T")
_ROWS_AT_ONCE = 64


class SteadyConnection(aiosqlite.Connection):
    """An aiosqlite connection that ends what it began before it lets a cancellation through."""

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await to_the_end(super()._execute(fn, *args, **kwargs))  # type: ignore[no-untyped-call]

    async def _connect(self) -> aiosqlite.Connection:
        try:
            return await to_the_end(super()._connect())
        except asyncio.CancelledError:  # it is open by now, and nobody gets it who would close it
            self.stop()
            raise

    async def close(self) -> None:
        """Rolls back and closes, once the statements before it have ended."""
        ended = self.stop()
        if ended is not None:
            await to_the_end(ended)

    def stop(self) -> asyncio.Future[Any] | None:
        """Rolls back and closes without waiting for it; the second time there is nothing to do."""
        if not self._running:
            return None
        connection = self._connection
        if connection is not None:
            self._tx.put_nowait((None, connection.rollback))  # does nothing outside a transaction
        return super().stop()


def opener(path: Path) -> Callable[[], Awaitable[aiosqlite.Connection]]:
    """What SQLAlchemy's `async_creator` wants."""

    async def opened() -> aiosqlite.Connection:
        connection = SteadyConnection(lambda: sqlite3.connect(path, check_same_thread=False), _ROWS_AT_ONCE)
        connection._thread.daemon = True  # an unclosed connection must not keep the process
        return await connection

    return opened


async def to_the_end(work: Awaitable[T]) -> T:
    """Awaits; a cancellation meanwhile is raised when the work has ended, not before."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        task.exception()  # its result is nobody's any more
        raise cancelled
    return task.result()
