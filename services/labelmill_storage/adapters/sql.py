"""Assets and receipts in the service's own database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, func, select, text, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_runtime.database import Database
from labelmill_runtime.errors import LabelmillError
from labelmill_runtime.sql_filters import where
from labelmill_storage import receipts
from labelmill_storage.adapters.filter_columns import FilterColumns
from labelmill_storage.adapters.rows import clean_columns, draft_row, to_asset, to_microseconds
from labelmill_storage.adapters.tables import StorageTables
from labelmill_storage.assets import Asset, AssetNotFound, Draft
from labelmill_storage.ports import Page, Recorded
from labelmill_storage.receipts import Admission

Clock = Callable[[], datetime]


class SqlRecords:
    """AssetRecords on SQLite or PostgreSQL."""

    def __init__(self, database: Database, tables: StorageTables, *, now: Clock = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._tables = tables
        self._filter_columns = FilterColumns(tables.assets)
        self._now = now

    async def get(self, project: str, asset_id: str) -> Asset | None:
        """One asset."""
        return (await self.get_many(project, [asset_id])).get(asset_id)

    async def get_many(self, project: str, asset_ids: Sequence[str]) -> dict[str, Asset]:
        """Those that exist, by id."""
        async with self._database.reading() as session:
            return await _by_id(session, self._tables, project, asset_ids)

    async def page(self, project: str, filter_text: str, after: int, size: int) -> Page:
        """Assets in the order of their creation, after a cursor."""
        assets = self._tables.assets
        condition: ColumnElement[bool] | None = where(filter_text, self._filter_columns)
        matches = and_(assets.c.project == project, true() if condition is None else condition)
        async with self._database.reading() as session:
            total = await session.scalar(select(func.count()).select_from(assets).where(matches))
            query = select(assets).where(matches, assets.c.seq > after).order_by(assets.c.seq).limit(size + 1)
            rows = (await session.execute(query)).all()
        more = len(rows) > size
        return Page([to_asset(row) for row in rows[:size]], rows[size - 1].seq if more else None, total or 0)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[SqlWriter]:
        """A transaction of its own."""
        async with self._database.transaction() as session:
            yield self.writer(session)

    def writer(self, transaction: Any) -> SqlWriter:
        """The writer within a session's transaction."""
        return SqlWriter(transaction, self._tables, self._database.dialect, self._now)


class SqlWriter:
    """AssetWriter within one transaction."""

    def __init__(self, session: AsyncSession, tables: StorageTables, dialect: str, now: Clock) -> None:
        self._session = session
        self._tables = tables
        self._is_postgresql = dialect == "postgresql"
        self._now = now

    async def add(self, drafts: Sequence[Draft]) -> list[Recorded]:
        """Records drafts; one whose asset is there already changes nothing."""
        if not drafts:
            return []
        project, ids = drafts[0].project, [draft.id for draft in drafts]
        await self._lock(project)
        new = {draft.id: draft for draft in reversed(drafts)}  # of equal ones, the first counts
        known = await _by_id(self._session, self._tables, project, ids)
        now_us = to_microseconds(self._now())
        rows = [draft_row(new[asset_id], now_us) for asset_id in dict.fromkeys(ids) if asset_id not in known]
        if rows:
            await self._session.execute(self._tables.assets.insert(), rows)
        assets = await _by_id(self._session, self._tables, project, ids)
        outcomes, seen = [], set(known)
        for asset_id in ids:
            outcomes.append(Recorded(assets[asset_id], asset_id in seen))
            seen.add(asset_id)
        return outcomes

    async def admit(self, project: str, admissions: Sequence[Admission]) -> list[Recorded | LabelmillError]:
        """Records clean contents and their receipts."""
        if not admissions:
            return []
        await self._lock(project)
        assets = await _by_id(self._session, self._tables, project, [a.asset_id for a in admissions])
        bodies = await self._receipt_bodies(project, [a.receipt.id for a in admissions])
        now = self._now()
        outcomes: list[Recorded | LabelmillError] = []
        new: list[Admission] = []
        for admission in admissions:
            try:
                asset = assets.get(admission.asset_id)
                if asset is None:
                    raise AssetNotFound(admission.receipt.asset)
                already = receipts.is_recorded(admission.receipt, asset, bodies.get(admission.receipt.id))
            except LabelmillError as error:
                outcomes.append(error)
                continue
            if not already:
                asset = assets[asset.id] = receipts.admitted(asset, admission, now)
                bodies[admission.receipt.id] = admission.receipt.body
                new.append(admission)
            outcomes.append(Recorded(asset, already))
        await self._save(project, new, assets)
        return outcomes

    async def _save(self, project: str, new: Sequence[Admission], assets: dict[str, Asset]) -> None:
        if not new:
            return
        proofs, table = self._tables.receipts, self._tables.assets
        changed = [assets[asset_id] for asset_id in dict.fromkeys(admission.asset_id for admission in new)]
        now_us = to_microseconds(changed[0].update_time)
        await self._session.execute(proofs.insert(), [_receipt_row(project, admission, now_us) for admission in new])
        rows = [clean_columns(asset) for asset in changed]
        statement = update(table).where(table.c.project == project, table.c.asset_id == bindparam("of_asset"))
        values: dict[str, Any] = {column: bindparam(column) for column in rows[0]}
        parameters = [{"of_asset": asset.id, **row} for asset, row in zip(changed, rows, strict=True)]
        # The connection, since the session takes a list of parameters for an ORM bulk update.
        await (await self._session.connection()).execute(statement.values(values), parameters)

    async def _receipt_bodies(self, project: str, receipt_ids: Sequence[str]) -> dict[str, bytes]:
        proofs = self._tables.receipts
        query = select(proofs.c.receipt_id, proofs.c.body)
        rows = await self._session.execute(
            query.where(proofs.c.project == project, proofs.c.receipt_id.in_(set(receipt_ids)))
        )
        return {row.receipt_id: bytes(row.body) for row in rows}

    async def _lock(self, project: str) -> None:
        """Lets one writer at a time into a project, so that the order of creation is the order of commits."""
        if self._is_postgresql:
            await self._session.execute(
                text("SELECT pg_advisory_xact_lock(hashtext('labelmill_storage'), hashtext(:project))"),
                {"project": project},
            )


async def _by_id(
    session: AsyncSession, tables: StorageTables, project: str, asset_ids: Sequence[str]
) -> dict[str, Asset]:
    if not asset_ids:
        return {}
    assets = tables.assets
    query = select(assets).where(assets.c.project == project, assets.c.asset_id.in_(set(asset_ids)))
    return {row.asset_id: to_asset(row) for row in await session.execute(query)}


def _receipt_row(project: str, admission: Admission, now_us: int) -> dict[str, Any]:
    return {
        "project": project,
        "receipt_id": admission.receipt.id,
        "asset_id": admission.asset_id,
        "body": admission.receipt.body,
        "admit_time_us": now_us,
    }
