"""The audit log in the service's own database: written within the transaction of what it records."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill import audit
from labelmill_runtime.database import Database
from labelmill_runtime.principal import current_principal_or_none
from labelmill_runtime.sql_filters import where
from labelmill_storage.adapters.sql.project_lock import lock_project
from labelmill_storage.adapters.sql.tables import StorageTables
from labelmill_storage.adapters.sql.upserts import upsert_of
from labelmill_storage.gate.audit import AuditRecord, Entry, Head

SELF = "labelmill"
"""The actor of what storage does by itself."""
_PIECE = 500  # an entry has at most some 5 KiB, a message less than 4 MiB


class SqlAuditLog:
    """AuditLog on SQLite or PostgreSQL."""

    def __init__(self, database: Database, tables: StorageTables) -> None:
        self._database = database
        self._tables = tables
        entries = tables.audit_entries.c
        self._filter_columns = {
            column.name: column
            for column in (entries.action, entries.actor, entries.resource, entries.sequence, entries.time_us)
        }

    async def record(self, project: str, records: Sequence[AuditRecord]) -> None:
        """Writes entries in a transaction of its own."""
        async with self._database.transaction() as session:
            await lock_project(session, project)
            await append(session, self._tables, project, records)

    async def head(self, project: str) -> Head:
        """The end of a project's chain."""
        async with self._database.reading() as session:
            return Head(project, *await _end(session, self._tables, project))

    async def page(self, project: str, filter_text: str, before: int | None, size: int) -> Sequence[Entry]:
        """Entries before a sequence number, newest first."""
        entries = self._tables.audit_entries
        condition: ColumnElement[bool] | None = where(filter_text, self._filter_columns)
        earlier = true() if before is None else entries.c.sequence < before
        wanted = and_(entries.c.project == project, earlier, true() if condition is None else condition)
        query = select(entries).where(wanted).order_by(entries.c.sequence.desc()).limit(size)
        async with self._database.reading() as session:
            return [_entry(row) for row in await session.execute(query)]

    async def export(self, project: str, first: int, last: int) -> AsyncIterator[Sequence[Entry]]:
        """The entries in between, piece by piece: no transaction stays open while the reader takes its time."""
        entries = self._tables.audit_entries
        query = select(entries).where(entries.c.project == project, entries.c.sequence <= last)
        query = query.order_by(entries.c.sequence).limit(_PIECE)
        while True:
            async with self._database.reading() as session:
                piece = [_entry(row) for row in await session.execute(query.where(entries.c.sequence >= first))]
            if piece:
                yield piece
                first = piece[-1].sequence + 1
            if len(piece) < _PIECE:
                return

    async def grown(self) -> Sequence[Head]:
        """The heads that were not anchored yet."""
        heads = self._tables.audit_heads
        query = select(heads).where(heads.c.anchored_sequence != heads.c.sequence).order_by(heads.c.project)
        async with self._database.reading() as session:
            return [Head(row.project, row.sequence, row.hash) for row in await session.execute(query)]

    async def anchored(self, head: Head) -> None:
        """Says that a head was written down outside."""
        heads = self._tables.audit_heads
        done = update(heads).where(heads.c.project == head.project).values(anchored_sequence=head.sequence)
        async with self._database.transaction() as session:
            await session.execute(done)

    async def hash_at(self, project: str, sequence: int) -> str | None:
        """The hash of one entry."""
        entries = self._tables.audit_entries
        query = select(entries.c.hash).where(entries.c.project == project, entries.c.sequence == sequence)
        async with self._database.reading() as session:
            found: str | None = await session.scalar(query)
        return found


async def append(session: AsyncSession, tables: StorageTables, project: str, records: Sequence[AuditRecord]) -> int:
    """Adds entries to a project's chain; the caller holds the project (see project_lock).

    The actor is the current principal; "labelmill" where there is none.

    Returns:
        The sequence number of the last entry.
    """
    heads = tables.audit_heads
    sequence, previous = await _end(session, tables, project)
    if not records:
        return sequence
    principal = current_principal_or_none()
    actor, now_us = principal.id if principal else SELF, time.time_ns() // 1000
    rows: list[dict[str, Any]] = []
    for record in records:
        sequence += 1
        facts: dict[str, Any] = {
            "project": project,
            "sequence": sequence,
            "time_us": now_us,
            "actor": actor,
            "action": record.action,
            "resource": record.resource,
            "previous_hash": previous,
        }
        details = dict(record.details)
        previous = audit.entry_hash(**facts, details=details)
        rows.append({**facts, "details": json.dumps(details, sort_keys=True, ensure_ascii=False), "hash": previous})
    await session.execute(tables.audit_entries.insert(), rows)
    insert = upsert_of(session)
    now = {"sequence": sequence, "hash": previous}
    first = insert(heads).values({"project": project, "anchored_sequence": 0, **now})
    await session.execute(first.on_conflict_do_update(index_elements=["project"], set_=now))
    return sequence


async def _end(session: AsyncSession, tables: StorageTables, project: str) -> tuple[int, str]:
    heads = tables.audit_heads
    head = (await session.execute(select(heads).where(heads.c.project == project))).one_or_none()
    return (0, audit.GENESIS) if head is None else (int(head.sequence), str(head.hash))


def _entry(row: Row[Any]) -> Entry:
    """The entry in a row; also in one that was tampered with, so that whoever checks the chain is told which it is."""
    return Entry(
        project=row.project,
        sequence=_number(row.sequence),
        time_us=_number(row.time_us),
        actor=str(row.actor),
        action=str(row.action),
        resource=str(row.resource),
        details=_details(row.details),
        previous_hash=str(row.previous_hash),
        hash=str(row.hash),
    )


def _number(stored: object) -> int:
    return stored if isinstance(stored, int) else -1  # SQLite takes anything into any column


def _details(stored: object) -> dict[str, str]:
    try:
        found = json.loads(str(stored))
        if isinstance(found, dict) and all(isinstance(value, str) for value in found.values()):
            "".join((*found, *found.values())).encode()  # half a surrogate pair is no text
            return found
    except ValueError:
        pass
    return {"unreadable": "true"}
