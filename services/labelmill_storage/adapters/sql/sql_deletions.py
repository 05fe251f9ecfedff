"""Objects that are to go: noted in the transaction that makes them useless, removed afterwards, for certain.

A row is written by whoever drops the last record of an object. The sweeper (deletion_sweeper) marks it as going, while
it holds the project, removes the object, and dates the row. Rows that are done are kept for a while, so that a writer
whose object was removed between its writing and its recording can tell: it asks for the last removal before it writes
(`about_to_write`), and if another one is on record when it records (`keep`), it has to write again. A row that is to go
once more keeps its last removal: a writer that was refused asks for the removal of what may be gone already.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_runtime.database import Database
from labelmill_runtime.errors import Aborted
from labelmill_storage.adapters.sql.tables import StorageTables
from labelmill_storage.adapters.sql.upserts import upsert_of
from labelmill_storage.ports import ObjectKey

GOING = 0
"""In done_time_us: the object is being removed, now or by whoever sweeps next; nobody may record it."""
NEVER = -1
"""The last removal of an object that none is known of."""
_ROWS_AT_ONCE = 1000
_WAITS = 50
_WAIT_S = 0.1


class ContentRemovedMeanwhile(Aborted):
    """An object was removed between its writing and its recording."""

    def __init__(self) -> None:
        message = "Equal content was removed while this was being written; send it again."
        super().__init__("CONTENT_REMOVED_MEANWHILE", message, retry_after_s=0.0)


async def request(session: AsyncSession, tables: StorageTables, keys: Sequence[ObjectKey]) -> None:
    """Notes objects that a record no longer refers to; what another record shares, the sweeper leaves alone."""
    if not keys:
        return
    insert = upsert_of(session)
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


async def about_to_write(database: Database, tables: StorageTables, keys: Sequence[ObjectKey]) -> dict[ObjectKey, int]:
    """The last removal of each object that is about to be written, so that `keep` can tell a later one.

    Raises:
        Aborted: CONTENT_REMOVED_MEANWHILE, one of them is being removed, and that takes long; others are waited for.
    """
    if not keys:
        return {}
    table = tables.deletions.c
    query = select(table.project, table.zone, table.path, table.done_time_us, table.last_removal_us)
    for _ in range(_WAITS):
        async with database.reading() as session:
            rows = (await session.execute(query.where(_among(tables, keys)))).all()
        if all(row.done_time_us != GOING for row in rows):
            known = {(row.project, row.zone, row.path): int(row.last_removal_us) for row in rows}
            return {key: known.get((key.project, int(key.zone), key.path), NEVER) for key in keys}
        await asyncio.sleep(_WAIT_S)
    raise ContentRemovedMeanwhile


async def keep(session: AsyncSession, tables: StorageTables, written: Mapping[ObjectKey, int]) -> None:
    """Says that objects are being recorded: takes back what was to go.

    The caller holds the project (see project_lock).

    Args:
        session: The transaction that records them.
        tables: The tables.
        written: For each object, what `about_to_write` told before it was written.

    Raises:
        Aborted: CONTENT_REMOVED_MEANWHILE, one of them was removed since then; writing it again helps.
    """
    if not written:
        return
    table, mine = tables.deletions, _among(tables, list(written))
    noted = (await session.execute(select(table).where(mine))).all()
    if not noted:
        return
    before = {(key.project, int(key.zone), key.path): removal for key, removal in written.items()}
    for row in noted:
        if row.done_time_us == GOING or row.last_removal_us != before[row.project, row.zone, row.path]:
            raise ContentRemovedMeanwhile
    await take_back(session, tables, mine)


async def take_back(session: AsyncSession, tables: StorageTables, which: ColumnElement[bool]) -> None:
    """Says that objects which were to go are needed; when they went before stays on record."""
    table = tables.deletions
    waiting, never = table.c.done_time_us.is_(None), table.c.last_removal_us == NEVER
    await session.execute(delete(table).where(which, waiting, never))
    again = update(table).where(which, waiting).values(done_time_us=table.c.last_removal_us)
    await session.execute(again)


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
