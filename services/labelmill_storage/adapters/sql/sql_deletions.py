"""Objects that are to go: noted in the transaction that makes them useless, removed afterwards, for certain.

A row is written by whoever drops the last record of an object. The sweeper (deletion_sweeper) marks it as going, while
it holds the project, removes the object, and dates the row. Rows that are done are kept for a while, so that a writer
whose object was removed between its writing and its recording can tell.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_runtime.database import Database
from labelmill_runtime.errors import Aborted
from labelmill_storage.adapters.sql.project_lock import lock_project
from labelmill_storage.adapters.sql.tables import StorageTables
from labelmill_storage.ports import ObjectKey

GOING = 0
"""In done_time_us: the object is being removed, now or by whoever sweeps next; nobody may record it."""
_ROWS_AT_ONCE = 1000
_WAITS = 50
_WAIT_S = 0.1
_SETTLE_S = 1.0
"""How long a removal stays known at least: for writers whose objects it took, until they have come to record them."""


class ContentRemovedMeanwhile(Aborted):
    """An object was removed between its writing and its recording."""

    def __init__(self) -> None:
        message = "Equal content was removed while this was being written; send it again."
        super().__init__("CONTENT_REMOVED_MEANWHILE", message, retry_after_s=0.0)


async def request(session: AsyncSession, tables: StorageTables, keys: Sequence[ObjectKey]) -> None:
    """Notes objects that a record no longer refers to; what another record shares, the sweeper leaves alone."""
    if not keys:
        return
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    now_us = time.time_ns() // 1000
    rows = [
        {
            "project": key.project,
            "zone": int(key.zone),
            "path": key.path,
            "request_time_us": now_us,
            "done_time_us": None,
        }
        for key in dict.fromkeys(keys)
    ]
    again = {"request_time_us": now_us, "done_time_us": None}
    primary = ["project", "zone", "path"]
    # What is going stays so: going back to waiting would let somebody keep an object that may be gone.
    not_going = tables.deletions.c.done_time_us.is_distinct_from(GOING)
    for first in range(0, len(rows), _ROWS_AT_ONCE):
        noted = insert(tables.deletions).values(rows[first : first + _ROWS_AT_ONCE])
        await session.execute(noted.on_conflict_do_update(index_elements=primary, set_=again, where=not_going))


async def about_to_write(database: Database, tables: StorageTables, keys: Sequence[ObjectKey]) -> None:
    """Forgets old removals of objects that are about to be written again, so that `keep` sees only later ones.

    Raises:
        Aborted: CONTENT_REMOVED_MEANWHILE, one of them is being removed, and that takes long; others are waited for.
    """
    if not keys:
        return
    done_time, mine = tables.deletions.c.done_time_us, _among(tables, keys)
    for _ in range(_WAITS):
        async with database.reading() as session:
            found = set((await session.scalars(select(done_time).where(mine, done_time.is_not(None)))).all())
        settled_us = (time.time() - _SETTLE_S) * 1_000_000
        if GOING not in found and all(done_us < settled_us for done_us in found):
            break
        await asyncio.sleep(_WAIT_S)
    else:
        raise ContentRemovedMeanwhile
    if found:
        async with database.transaction() as session:
            for project in sorted({key.project for key in keys}):  # whoever locks several rows holds their project
                await lock_project(session, project)
            await session.execute(delete(tables.deletions).where(mine, done_time > GOING))


async def keep(session: AsyncSession, tables: StorageTables, keys: Sequence[ObjectKey]) -> None:
    """Says that objects are being recorded: takes back what was to go.

    The caller holds the project (see project_lock).

    Raises:
        Aborted: CONTENT_REMOVED_MEANWHILE, one of them was removed a moment ago; writing it again helps.
    """
    if not keys:
        return
    table, mine = tables.deletions, _among(tables, keys)
    noted = (await session.execute(select(table.c.done_time_us).where(mine))).all()
    if not noted:
        return
    if any(row.done_time_us is not None for row in noted):
        raise ContentRemovedMeanwhile
    await session.execute(delete(table).where(mine))


def _among(tables: StorageTables, keys: Sequence[ObjectKey]) -> ColumnElement[bool]:
    table = tables.deletions
    return or_(
        *(
            and_(table.c.project == project, table.c.zone == zone, table.c.path.in_(paths))
            for (project, zone), paths in _by_zone(keys).items()
        )
    )


def _by_zone(keys: Sequence[ObjectKey]) -> dict[tuple[str, int], list[str]]:
    found: dict[tuple[str, int], list[str]] = {}
    for key in keys:
        found.setdefault((key.project, int(key.zone)), []).append(key.path)
    return found
