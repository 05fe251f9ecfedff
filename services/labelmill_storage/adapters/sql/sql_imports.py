"""Sources and what became of their items, in the service's own database."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_runtime.database import Database
from labelmill_runtime.errors import InvalidArgument
from labelmill_runtime.sql_filters import FilterField, where
from labelmill_runtime.status import to_status
from labelmill_storage.adapters.sources.source_rows import place_json, to_source
from labelmill_storage.adapters.sql.filter_columns import microseconds
from labelmill_storage.adapters.sql.rows import to_microseconds, to_time
from labelmill_storage.adapters.sql.tables import StorageTables
from labelmill_storage.imports.ports import Counts, DeadLetter, Hold, ItemPage, ItemRow, ItemState, Known, Outcome, Run
from labelmill_storage.imports.sources import Source, SourceExists, SourceNotFound

_FORGOTTEN_AT_ONCE = 5000


class SqlSources:
    """SourceRecords on SQLite or PostgreSQL."""

    def __init__(self, database: Database, tables: StorageTables) -> None:
        self._database = database
        self._tables = tables

    async def create(self, transaction: AsyncSession, source: Source) -> None:
        """Adds one; raises SourceExists."""
        insert = postgresql.insert if self._database.dialect == "postgresql" else sqlite.insert
        row = {
            "project": source.project,
            "source_id": source.id,
            "place": place_json(source.place),
            "labels": dict(source.labels),
            "cursor": "",
            "operation": "",
            "run": {},
            "create_time_us": to_microseconds(source.create_time),
        }
        table = self._tables.sources
        statement = insert(table).values(row).on_conflict_do_nothing().returning(table.c.source_id)
        if (await transaction.execute(statement)).first() is None:
            raise SourceExists(source.name)

    async def get(self, project: str, source_id: str) -> Source:
        """One source; raises SourceNotFound."""
        async with self._database.reading() as session:
            return to_source(await self._row(session, project, source_id))

    async def hold(self, transaction: AsyncSession, project: str, source_id: str) -> Source:
        """One source that nobody else changes before the transaction ends; raises SourceNotFound."""
        return to_source(await self._row(transaction, project, source_id, hold=True))

    async def page(self, project: str, after: str, size: int) -> tuple[Sequence[Source], str]:
        """Sources by id, and after which one the next page begins (empty: there is none)."""
        table = self._tables.sources
        query = select(table).where(table.c.project == project, table.c.source_id > after)
        async with self._database.reading() as session:
            rows = (await session.execute(query.order_by(table.c.source_id).limit(size + 1))).all()
        found = [to_source(row) for row in rows[:size]]
        return found, found[-1].id if len(rows) > size else ""

    async def forget_items(self, project: str, source_id: str) -> None:
        """Forgets the items of a source, piece by piece, so that no transaction is long."""
        table = self._tables.import_items
        mine = and_(table.c.project == project, table.c.source_id == source_id)
        some = select(table.c.key_hash).where(mine).order_by(table.c.key_hash).limit(_FORGOTTEN_AT_ONCE)
        while True:
            async with self._database.transaction() as session:
                hashes = (await session.scalars(some)).all()
                if hashes:
                    await session.execute(delete(table).where(mine, table.c.key_hash <= hashes[-1]))
            if len(hashes) < _FORGOTTEN_AT_ONCE:
                return

    async def delete(self, transaction: AsyncSession, source: Source) -> None:
        """Removes one, with what is left of its items."""
        for table in (self._tables.import_items, self._tables.sources):
            mine = and_(table.c.project == source.project, table.c.source_id == source.id)
            await transaction.execute(delete(table).where(mine))

    async def begin(self, transaction: AsyncSession, source: Source, operation: str) -> None:
        """Says which import runs."""
        run = Run(operation, time.time_ns() // 1000)
        await _update(transaction, self._tables, source, {"operation": operation, "run": asdict(run)})

    async def run_of(self, source: Source, operation: str) -> Run:
        """How far the import is."""
        async with self._database.reading() as session:
            stored = dict((await self._row(session, source.project, source.id)).run)
        assert stored["operation"] == operation
        return Run(**{**stored, "counts": Counts(**stored["counts"])})

    async def end(self, source: Source, run: Run, hold: Hold) -> None:
        """Says that the import has ended."""
        async with self._database.transaction() as session:
            await hold(session)
            values = {"run": asdict(run), "import_time_us": time.time_ns() // 1000}
            await _update(session, self._tables, source, values)

    async def _row(self, session: AsyncSession, project: str, source_id: str, *, hold: bool = False) -> Row[Any]:
        table = self._tables.sources
        query = select(table).where(table.c.project == project, table.c.source_id == source_id)
        row = (await session.execute(query.with_for_update() if hold else query)).one_or_none()
        if row is None:
            raise SourceNotFound(f"projects/{project}/sources/{source_id}")
        return row


class SqlImports:
    """ImportRecords on SQLite or PostgreSQL."""

    def __init__(self, database: Database, tables: StorageTables) -> None:
        self._database = database
        self._tables = tables
        self._insert = postgresql.insert if database.dialect == "postgresql" else sqlite.insert
        items = tables.import_items
        self._filter_columns: dict[str, ColumnElement[Any] | FilterField] = {
            "state": FilterField(items.c.state, lambda text: int(ItemState[text.removeprefix("STATE_")])),
            "key": items.c.key,
            "reason": items.c.reason,
            "update_time": FilterField(items.c.update_time_us, microseconds),
        }

    async def known(self, source: Source, key_hashes: Sequence[str]) -> Mapping[str, Known]:
        """What is remembered, by key hash."""
        c = self._tables.import_items.c
        query = select(c.key_hash, c.fingerprint, c.state, c.attempt_count, c.update_time_us).where(
            c.project == source.project, c.source_id == source.id, c.key_hash.in_(key_hashes)
        )
        async with self._database.reading() as session:
            rows = (await session.execute(query)).all()
        return {row[0]: Known(row[1], ItemState(row[2]), row[3], row[4]) for row in rows}

    async def dead_letters(self, source: Source, after: str, size: int) -> Sequence[DeadLetter]:
        """Failed items by key hash, after one."""
        c = self._tables.import_items.c
        query = select(c.key_hash, c.key, c.update_time_us).where(
            c.project == source.project,
            c.source_id == source.id,
            c.state == int(ItemState.FAILED),
            c.key_hash > after,
        )
        async with self._database.reading() as session:
            rows = await session.execute(query.order_by(c.key_hash).limit(size))
        return [DeadLetter(*row) for row in rows]

    async def forget(self, source: Source, key_hashes: Sequence[str], hold: Hold) -> None:
        """Forgets items."""
        table = self._tables.import_items
        mine = and_(table.c.project == source.project, table.c.source_id == source.id)
        async with self.writing(hold) as session:
            await session.execute(delete(table).where(mine, table.c.key_hash.in_(key_hashes)))

    @asynccontextmanager
    async def writing(self, hold: Hold) -> AsyncIterator[AsyncSession]:
        """A transaction of its own that is held first."""
        async with self._database.transaction() as session:
            await hold(session)
            yield session

    async def save(
        self, transaction: AsyncSession, source: Source, outcomes: Sequence[Outcome], run: Run, cursor: str
    ) -> None:
        """Remembers what became of items, how far the import is, and unless it is empty the cursor."""
        if outcomes:
            now_us = time.time_ns() // 1000
            statement = self._insert(self._tables.import_items)
            values = ("key", "fingerprint", "asset_id", "state", "status", "reason", "attempt_count", "update_time_us")
            newer = {name: statement.excluded[name] for name in values}
            await (await transaction.connection()).execute(
                statement.on_conflict_do_update(index_elements=["project", "source_id", "key_hash"], set_=newer),
                [_item_row(source, outcome, now_us) for outcome in outcomes],
            )
        await _update(transaction, self._tables, source, {"run": asdict(run)} | ({"cursor": cursor} if cursor else {}))

    async def page(self, source: Source, filter_text: str, after: str, size: int) -> ItemPage:
        """Items by key; the cursor is the hash of the last key, since keys may be personal."""
        table = self._tables.import_items
        c = table.c
        mine = and_(c.project == source.project, c.source_id == source.id)
        condition = where(filter_text, self._filter_columns)
        query = select(table).where(mine) if condition is None else select(table).where(mine, condition)
        async with self._database.reading() as session:
            if after:
                last = await session.scalar(select(c.key).where(mine, c.key_hash == after))
                if last is None:
                    raise _forgotten()
                query = query.where(or_(c.key > last, and_(c.key == last, c.key_hash > after)))
            rows = (await session.execute(query.order_by(c.key, c.key_hash).limit(size + 1))).all()
        return ItemPage([_to_item(row) for row in rows[:size]], rows[size - 1].key_hash if len(rows) > size else "")


def _forgotten() -> InvalidArgument:
    message = "The item at which the page before ended is forgotten; list from the beginning."
    return InvalidArgument("INVALID_PAGE_TOKEN", message, fields={"page_token": "must name an item that is there"})


async def _update(session: AsyncSession, tables: StorageTables, source: Source, values: dict[str, Any]) -> None:
    table = tables.sources
    mine = and_(table.c.project == source.project, table.c.source_id == source.id)
    await session.execute(update(table).where(mine).values(values))


def _item_row(source: Source, outcome: Outcome, now_us: int) -> dict[str, Any]:
    error = outcome.error
    return {
        "project": source.project,
        "source_id": source.id,
        "key_hash": outcome.key_hash,
        "key": outcome.key,
        "fingerprint": outcome.fingerprint,
        "asset_id": outcome.asset_id,
        "state": int(ItemState.FAILED if error else ItemState.IMPORTED),
        "status": to_status(error).SerializeToString() if error else None,
        "reason": error.reason if error else "",
        "attempt_count": outcome.attempts,
        "update_time_us": now_us,
    }


def _to_item(row: Row[Any]) -> ItemRow:
    return ItemRow(
        row.key,
        ItemState(row.state),
        row.asset_id,
        bytes(row.status or b""),
        row.attempt_count,
        to_time(row.update_time_us),
    )
