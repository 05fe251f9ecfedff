"""How long content is kept, and the removal of what is over its time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_runtime.database import Database
from labelmill_storage.adapters.sql import sql_audit, sql_deletions, sql_usage
from labelmill_storage.adapters.sql.project_lock import lock_project
from labelmill_storage.adapters.sql.rows import to_asset
from labelmill_storage.adapters.sql.sql_holds import on_hold
from labelmill_storage.adapters.sql.tables import StorageTables
from labelmill_storage.adapters.sql.upserts import upsert_of
from labelmill_storage.assets import Zone
from labelmill_storage.gate.audit import AuditRecord
from labelmill_storage.lifecycle.retention import Deadlines, Retention, RetentionEtagMismatch, Terms, deadlines
from labelmill_storage.ports import key_of

_BATCH = 1000


class SqlRetention:
    """RetentionRecords on SQLite or PostgreSQL."""

    def __init__(
        self,
        database: Database,
        tables: StorageTables,
        *,
        expired: Callable[[], None] = lambda: None,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        """`expired` is called when objects are to go."""
        self._database = database
        self._tables = tables
        self._expired = expired
        self._now_us = now_us
        self._woken = asyncio.Event()
        self._asked: set[str] = set()

    async def get(self, project: str) -> Retention:
        """The retention of a project."""
        async with self._database.reading() as session:
            return await self._get(session, project)

    async def change(self, transaction: Any, project: str, terms: Terms, etag: str) -> Retention:
        """Changes it; raises RetentionEtagMismatch."""
        session: AsyncSession = transaction
        await lock_project(session, project)
        before = await self._get(session, project)
        if etag and etag != before.etag:
            raise RetentionEtagMismatch
        after = Retention(terms, max(self._now_us(), before.update_time_us + 1))
        values = {
            "raw_days": terms.raw_days,
            "raw_days_after_admission": terms.raw_days_after_admission,
            "clean_days": terms.clean_days,
        }
        row = {**values, "etag": after.etag, "update_time_us": after.update_time_us}
        insert = upsert_of(session)
        first = insert(self._tables.retention).values(project=project, **row)
        await session.execute(first.on_conflict_do_update(index_elements=["project"], set_=row))
        details = {name: str(days) for name, days in values.items()}
        record = AuditRecord("retention.updated", f"projects/{project}/retention", details)
        await sql_audit.append(session, self._tables, project, [record])
        return after

    def wake(self, project: str) -> None:
        """Applies it soon."""
        self._asked.add(project)
        self._woken.set()

    async def wait_and_apply(self) -> None:
        """Waits until projects ask for it, and applies theirs."""
        await self._woken.wait()
        self._woken.clear()
        asked, self._asked = self._asked, set()
        await self.apply_all(asked)

    async def apply_all(self, only: set[str] | None = None) -> None:
        """Removes what is over its time in all projects, or in some."""
        table = self._tables.retention.c
        async with self._database.reading() as session:
            projects = (await session.scalars(select(table.project).order_by(table.project))).all()
        for project in projects:
            if only is None or project in only:
                for zone in Zone:
                    await self._apply(project, zone)

    async def _apply(self, project: str, zone: Zone) -> None:
        """Removes contents of a zone, batch by batch, which are looked for while others may write."""
        after = 0
        while found := await self._find(project, zone, after):
            if await self._remove(project, zone, found):
                self._expired()
            after = found[-1]

    async def _find(self, project: str, zone: Zone, after: int) -> Sequence[int]:
        assets = self._tables.assets
        async with self._database.reading() as session:
            due = await self._due_now(session, project, zone)
            query = select(assets.c.seq).where(due, assets.c.seq > after).order_by(assets.c.seq).limit(_BATCH)
            return (await session.scalars(query)).all()

    async def _remove(self, project: str, zone: Zone, found: Sequence[int]) -> int:
        """Removes those that are still due; how many contents that were."""
        tables, assets = self._tables, self._tables.assets
        async with self._database.transaction() as session:
            await lock_project(session, project)
            due = await self._due_now(session, project, zone)
            rows = (await session.execute(select(assets).where(due, assets.c.seq.in_(found)))).all()
            contents = [content for row in rows if (content := to_asset(row).content(zone)) is not None]
            if not contents:
                return 0
            now_us = self._now_us()
            removed = update(assets).where(assets.c.seq.in_([row.seq for row in rows]))
            column = "raw_remove_time_us" if zone is Zone.RAW else "clean_remove_time_us"
            await session.execute(removed.values({column: now_us, "update_time_us": now_us}))
            await sql_deletions.request(session, tables, [key_of(zone, project, content) for content in contents])
            await sql_usage.give_back(session, tables, project, zone, [content.size_bytes for content in contents])
            details = {"zone": zone.name, "count": str(len(contents))}
            record = AuditRecord("content.expired", f"projects/{project}", details)
            await sql_audit.append(session, tables, project, [record])
        return len(contents)

    async def _due_now(self, session: AsyncSession, project: str, zone: Zone) -> ColumnElement[bool]:
        until = deadlines((await self._get(session, project)).terms, self._now_us())
        return and_(self._tables.assets.c.project == project, self._due(zone, until), ~on_hold(self._tables))

    def _due(self, zone: Zone, until: Deadlines) -> ColumnElement[bool]:
        assets = self._tables.assets.c
        if zone is Zone.CLEAN:
            there = and_(assets.clean_sha256.is_not(None), assets.clean_remove_time_us.is_(None))
            return and_(there, _up_to(assets.admit_time_us, until.clean_admitted))
        too_old = or_(
            _up_to(assets.create_time_us, until.raw_created), _up_to(assets.admit_time_us, until.raw_admitted)
        )
        return and_(assets.raw_remove_time_us.is_(None), too_old)

    async def _get(self, session: AsyncSession, project: str) -> Retention:
        table = self._tables.retention
        row = (await session.execute(select(table).where(table.c.project == project))).one_or_none()
        if row is None:
            return Retention()
        return Retention(Terms(row.raw_days, row.raw_days_after_admission, row.clean_days), row.update_time_us)


def _up_to(column: Any, deadline_us: int | None) -> ColumnElement[bool]:
    if deadline_us is None:
        return false()
    condition: ColumnElement[bool] = column <= deadline_us
    return condition
