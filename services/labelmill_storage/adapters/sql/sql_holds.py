"""Legal holds in the service's own database."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_runtime.database import Database
from labelmill_runtime.principal import current_principal_or_none
from labelmill_storage.adapters.sql import sql_audit
from labelmill_storage.adapters.sql.project_lock import lock_project
from labelmill_storage.adapters.sql.rows import to_time
from labelmill_storage.adapters.sql.sql_selection import condition, require_all
from labelmill_storage.adapters.sql.tables import StorageTables
from labelmill_storage.gate.audit import AuditRecord
from labelmill_storage.lifecycle.holds import Hold, HoldExists, HoldNotFound, HoldReleased, hold_name
from labelmill_storage.selection import Selected


class SqlHolds:
    """LegalHolds on SQLite or PostgreSQL."""

    def __init__(self, database: Database, tables: StorageTables) -> None:
        self._database = database
        self._tables = tables

    async def create(self, transaction: Any, project: str, hold_id: str, chosen: Selected, reason: str) -> Hold:
        """Puts assets on hold; raises HoldExists, AssetNotFound, INVALID_FILTER."""
        session: AsyncSession = transaction
        tables, assets, held = self._tables, self._tables.assets, self._tables.legal_hold_assets
        await lock_project(session, project)
        if await self._row(session, project, hold_id) is not None:
            raise HoldExists(hold_name(project, hold_id))
        await require_all(session, tables, project, chosen.asset_ids)
        found = select(literal(project), literal(hold_id), assets.c.asset_id).where(
            assets.c.project == project, condition(tables, chosen)
        )
        await session.execute(insert(held).from_select(["project", "hold_id", "asset_id"], found))
        mine = and_(held.c.project == project, held.c.hold_id == hold_id)
        count = int(await session.scalar(select(func.count()).select_from(held).where(mine)) or 0)
        principal = current_principal_or_none()
        row = {
            "project": project,
            "hold_id": hold_id,
            "reason": reason,
            "creator": principal.id if principal else sql_audit.SELF,
            "asset_count": count,
            "create_time_us": time.time_ns() // 1000,
        }
        await session.execute(tables.legal_holds.insert(), [row])
        await self._write_down(session, "legal_hold.created", project, hold_id, reason, count)
        return await self._get(session, project, hold_id)

    async def get(self, project: str, hold_id: str) -> Hold:
        """One hold; raises HoldNotFound."""
        async with self._database.reading() as session:
            return await self._get(session, project, hold_id)

    async def page(self, project: str, after: str, size: int) -> Sequence[Hold]:
        """Holds by id, after one."""
        holds = self._tables.legal_holds
        query = select(holds).where(holds.c.project == project, holds.c.hold_id > after)
        async with self._database.reading() as session:
            return [_hold(row) for row in await session.execute(query.order_by(holds.c.hold_id).limit(size))]

    async def release(self, transaction: Any, project: str, hold_id: str, reason: str) -> Hold:
        """Releases one; raises HoldNotFound, HoldReleased."""
        session: AsyncSession = transaction
        held, holds = self._tables.legal_hold_assets, self._tables.legal_holds
        await lock_project(session, project)
        hold = await self._get(session, project, hold_id)
        if hold.release_time is not None:
            raise HoldReleased(hold.name)
        await session.execute(delete(held).where(held.c.project == project, held.c.hold_id == hold_id))
        released = update(holds).where(self._is(project, hold_id)).values(release_time_us=time.time_ns() // 1000)
        await session.execute(released)
        await self._write_down(session, "legal_hold.released", project, hold_id, reason, hold.asset_count)
        return await self._get(session, project, hold_id)

    async def _write_down(
        self, session: AsyncSession, action: str, project: str, hold_id: str, reason: str, count: int
    ) -> None:
        details = {"reason": reason, "count": str(count)}
        record = AuditRecord(action, hold_name(project, hold_id), details)
        await sql_audit.append(session, self._tables, project, [record])

    async def _get(self, session: AsyncSession, project: str, hold_id: str) -> Hold:
        row = await self._row(session, project, hold_id)
        if row is None:
            raise HoldNotFound(hold_name(project, hold_id))
        return _hold(row)

    async def _row(self, session: AsyncSession, project: str, hold_id: str) -> Row[Any] | None:
        query = select(self._tables.legal_holds).where(self._is(project, hold_id))
        return (await session.execute(query)).one_or_none()

    def _is(self, project: str, hold_id: str) -> ColumnElement[bool]:
        holds = self._tables.legal_holds.c
        return and_(holds.project == project, holds.hold_id == hold_id)


def on_hold(tables: StorageTables) -> ColumnElement[bool]:
    """Of a row of assets: whether any hold is on it."""
    assets, held = tables.assets.c, tables.legal_hold_assets.c
    any_hold = select(held.asset_id).where(held.project == assets.project, held.asset_id == assets.asset_id)
    return any_hold.correlate(tables.assets).exists()


def _hold(row: Row[Any]) -> Hold:
    return Hold(
        project=row.project,
        id=row.hold_id,
        reason=row.reason,
        creator=row.creator,
        asset_count=row.asset_count,
        create_time=to_time(row.create_time_us),
        release_time=None if row.release_time_us is None else to_time(row.release_time_us),
    )
