"""Names of resources that were erased lately, so that work which began before writes nothing about them after.

A job reads an asset, computes for minutes, and writes; an erasure in between must not be undone by that. So the erasure
remembers the names, and whoever writes asks first which of them were erased since the work began. Whatever began later
knows the resource from its owner, who may have allowed it again.

Processes that share a database compare their clocks here: they must agree, as NTP makes them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import delete, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_runtime.database import Database
from labelmill_runtime.tables import erased_names_table

_KEEP_MS = 30 * 24 * 3600 * 1000
"""Longer than any work takes."""
_CHUNK = 1000


def now_ms() -> int:
    """The clock that work and erasures go by: milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class ErasedNames:
    """The names that one service was asked to erase; its migrations call `migrations.create_erased_names_table`."""

    def __init__(self, database: Database, clock: Callable[[], int] = now_ms) -> None:
        self._table = erased_names_table(database.metadata)
        self._postgresql = database.dialect == "postgresql"
        self._insert = postgresql.insert if self._postgresql else sqlite.insert
        self._clock = clock

    async def remember(self, session: AsyncSession, names: Iterable[str]) -> None:
        """Remembers names; before what is kept about them is deleted, in the same transaction.

        On PostgreSQL this waits for transactions that have asked `since`, so that the deletion sees what they wrote.
        """
        await self._lock(session, "pg_advisory_xact_lock")
        now = self._clock()
        await session.execute(delete(self._table).where(self._table.c.erase_time_ms < now - _KEEP_MS))
        rows = [{"name": name, "erase_time_ms": now} for name in sorted(set(names))]
        statement = self._insert(self._table)
        newer = {"erase_time_ms": statement.excluded.erase_time_ms}
        await session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=newer), rows)

    async def since(self, session: AsyncSession, names: Sequence[str], began_ms: int) -> frozenset[str]:
        """Which of the names were erased at or after `began_ms`; in the transaction that writes about the others."""
        await self._lock(session, "pg_advisory_xact_lock_shared")
        erased: set[str] = set()
        late = self._table.c.erase_time_ms >= began_ms
        if (await session.scalar(select(self._table.c.name).where(late).limit(1))) is None:
            return frozenset()  # as nearly always
        for start in range(0, len(names), _CHUNK):
            some = self._table.c.name.in_(names[start : start + _CHUNK])
            erased.update(await session.scalars(select(self._table.c.name).where(late, some)))
        return frozenset(erased)

    async def _lock(self, session: AsyncSession, lock: str) -> None:
        if self._postgresql:  # SQLite has one writer
            await session.execute(text(f"SELECT {lock}(hashtext(current_schema() || '.erased names'))"))
