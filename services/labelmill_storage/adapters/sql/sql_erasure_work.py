"""The steps of an erasure within the service's own database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Row, and_, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_runtime.database import Database
from labelmill_storage.adapters.sql import sql_audit, sql_deletions, sql_usage
from labelmill_storage.adapters.sql.rows import to_asset
from labelmill_storage.adapters.sql.sql_datasets import snapshots_holding
from labelmill_storage.adapters.sql.sql_erasures import SqlErasures, locked, save
from labelmill_storage.adapters.sql.sql_holds import on_hold
from labelmill_storage.adapters.sql.sql_references import referenced
from labelmill_storage.adapters.sql.sql_uploads import CONDEMNED
from labelmill_storage.adapters.sql.tables import StorageTables
from labelmill_storage.assets import Asset, AssetIds, Zone, asset_name
from labelmill_storage.gate.audit import AuditRecord
from labelmill_storage.lifecycle.erasure import AUDIT_LOG, LEGAL_HOLD, SELF, SNAPSHOT_ROW, Case
from labelmill_storage.lifecycle.ports import StillMine
from labelmill_storage.ports import ObjectKey, key_of

_BATCH = 500
_LOOKED_AT_ONCE = 500


class SqlErasureWork(SqlErasures):
    """ErasureWork on SQLite or PostgreSQL."""

    def __init__(self, database: Database, tables: StorageTables, ids: AssetIds) -> None:
        super().__init__(database, tables)
        self._ids = ids

    async def target_count(self, case: Case) -> int:
        """How many assets are to go, or have gone."""
        query = select(func.count()).select_from(self._tables.erased_assets).where(self._of(case))
        async with self._database.reading() as session:
            return int(await session.scalar(query) or 0)

    async def batch(self, case: Case, after: str, size: int) -> Sequence[str]:
        """Ids of assets that are to go or have gone, after one."""
        gone = self._tables.erased_assets.c
        query = select(gone.asset_id).where(self._of(case), gone.asset_id > after).order_by(gone.asset_id).limit(size)
        async with self._database.reading() as session:
            return (await session.scalars(query)).all()

    async def note(self, case: Case, change: Callable[[Case], None], hold: StillMine) -> None:
        """Writes down what has become of it."""
        async with self._database.transaction() as session:
            current = await self._locked(session, case, hold)
            change(current)
            await save(session, self._tables, current)

    async def erase_batch(self, case: Case, hold: StillMine) -> int:
        """Removes the records of some assets; those that came on hold meanwhile stay."""
        assets, gone = self._tables.assets, self._tables.erased_assets
        same = and_(gone.c.project == assets.c.project, gone.c.asset_id == assets.c.asset_id)
        query = select(assets, on_hold(self._tables).label("held")).join(gone, same).where(self._of(case))
        async with self._database.transaction() as session:
            current = await self._locked(session, case, hold)
            rows = (await session.execute(query.order_by(assets.c.asset_id).limit(_BATCH))).all()
            held = [str(row.asset_id) for row in rows if row.held]
            if held:
                await session.execute(delete(gone).where(self._of(case), gone.c.asset_id.in_(held)))
                current.kept_assets |= dict.fromkeys(held, LEGAL_HOLD)
            await self._erase(session, current, [row for row in rows if not row.held])
            await save(session, self._tables, current)
        return len(rows)

    async def _erase(self, session: AsyncSession, case: Case, rows: Sequence[Row[Any]]) -> None:
        if not rows:
            return
        tables, project = self._tables, case.project
        assets = [to_asset(row) for row in rows]
        ids = [asset.id for asset in assets]
        await self._note_kept(session, case, ids)
        counts = {"contents": 0}
        for zone in Zone:
            counts["contents"] += await self._drop_contents(session, project, zone, assets)
        for kind, table in {
            "receipts": tables.receipts,
            "import_items": tables.import_items,
            "dataset_assets": tables.dataset_assets,
            "uploads": tables.uploads,
            "assets": tables.assets,
        }.items():
            result = await session.execute(delete(table).where(table.c.project == project, table.c.asset_id.in_(ids)))
            counts[kind] = cast("CursorResult[Any]", result).rowcount
        case.removed(SELF, counts)
        records = [AuditRecord("asset.erased", asset.name, {"erasure": case.name}) for asset in assets]
        await sql_audit.append(session, tables, project, records)

    async def _drop_contents(self, session: AsyncSession, project: str, zone: Zone, assets: Sequence[Asset]) -> int:
        found = [asset.content(zone) for asset in assets]
        there = [content for content in found if content is not None and content.removed_time is None]
        await sql_deletions.request(session, self._tables, [key_of(zone, project, content) for content in there])
        await sql_usage.give_back(session, self._tables, project, zone, [content.size_bytes for content in there])
        return len(there)

    async def _note_kept(self, session: AsyncSession, case: Case, ids: Sequence[str]) -> None:
        """What goes on naming the assets: entries of the audit log, rows of snapshots."""
        entries, snapshots = self._tables.audit_entries, self._tables.snapshots
        names = [asset_name(case.project, asset_id) for asset_id in ids]
        about = and_(entries.c.project == case.project, entries.c.resource.in_(names))
        count = int(await session.scalar(select(func.count()).select_from(entries).where(about)) or 0)
        # The entries that this erasure itself writes about them included.
        case.keeps([(f"projects/{case.project}/auditHead", AUDIT_LOG, count + len(ids))])
        holding = await snapshots_holding(session, self._tables, case.project, ids)
        for (dataset_id, snapshot_id), held in holding.items():
            mine = and_(
                snapshots.c.project == case.project,
                snapshots.c.dataset_id == dataset_id,
                snapshots.c.snapshot_id == snapshot_id,
            )
            counted = update(snapshots).where(mine).values(erased_count=snapshots.c.erased_count + held)
            await session.execute(counted)
            name = f"projects/{case.project}/datasets/{dataset_id}/snapshots/{snapshot_id}"
            case.keeps([(name, SNAPSHOT_ROW, held)])

    async def drop_uploads(self, case: Case, drop: Callable[[str], Awaitable[None]], hold: StillMine) -> None:
        """Throws away what is being uploaded about the data subject."""
        if not case.subject_hash:
            return
        uploads = self._tables.uploads
        about = and_(
            uploads.c.project == case.project,
            uploads.c.header["subject_hash"].as_string() == case.subject_hash,
            uploads.c.asset_id == "",
        )
        async with self._database.transaction() as session:
            await hold(session)
            await session.execute(update(uploads).where(about).values(expire_time_us=CONDEMNED))
            rows = (await session.execute(select(uploads.c.upload_id, uploads.c.handle).where(about))).all()
        for row in rows:
            await drop(row.handle)
            async with self._database.transaction() as session:
                current = await self._locked(session, case, hold)
                result = await session.execute(delete(uploads).where(about, uploads.c.upload_id == row.upload_id))
                current.removed(SELF, {"uploads": cast("CursorResult[Any]", result).rowcount})
                await save(session, self._tables, current)

    async def remaining(self, case: Case, exists: Callable[[Zone, str], Awaitable[bool]]) -> int:
        """Asks again for the removal of objects that are still there though no record needs them; how many."""
        left, last = 0, (0, "")
        while objects := await self._removed_since(case, last):
            last = objects[-1]
            for zone in Zone:
                paths = [path for of_zone, path in objects if of_zone == int(zone)]
                there = await asyncio.gather(*(exists(zone, path) for path in paths))
                if any(there):
                    still = [path for path, is_there in zip(paths, there, strict=True) if is_there]
                    left += await self._remove_again(case, zone, still)
        return left

    async def _removed_since(self, case: Case, after: tuple[int, str]) -> list[tuple[int, str]]:
        """(zone, path) of objects whose removal was asked for since the erasure was, after one of them."""
        table = self._tables.deletions.c
        query = select(table.zone, table.path).where(
            table.project == case.project,
            table.request_time_us >= case.create_time_us,
            (table.zone > after[0]) | and_(table.zone == after[0], table.path > after[1]),
        )
        async with self._database.reading() as session:
            rows = await session.execute(query.order_by(table.zone, table.path).limit(_LOOKED_AT_ONCE))
            return [(int(row.zone), str(row.path)) for row in rows]

    async def _remove_again(self, case: Case, zone: Zone, paths: Sequence[str]) -> int:
        async with self._database.transaction() as session:
            await locked(session, self._tables, case.project, case.id)
            needed = await referenced(session, self._tables, self._ids, case.project, zone, paths)
            keys = [ObjectKey(zone, case.project, "", path) for path in paths if path not in needed]
            await sql_deletions.request(session, self._tables, keys)
        return len(keys)

    async def scrub(self) -> bool:
        """Takes what was deleted out of the database's files; whether that is possible. Raises Unavailable."""
        await self._database.scrub()
        return self._database.dialect == "sqlite"

    async def complete(
        self, case: Case, certify: Callable[[Case, Sequence[str], int, int], bytes], hold: StillMine
    ) -> bytes:
        """Ends it: signs the certificate in the transaction that writes the last audit entry."""
        gone = self._tables.erased_assets.c
        async with self._database.transaction() as session:
            await hold(session)
            kept = await locked(session, self._tables, case.project, case.id)
            if kept.body:
                return kept.body
            current, now_us = kept.case, time.time_ns() // 1000
            query = select(gone.asset_id).where(self._of(case)).order_by(gone.asset_id)
            ids = (await session.scalars(query)).all()
            details = {"count": str(len(ids)), "kept_count": str(len(current.kept_assets))}
            record = AuditRecord("erasure.completed", case.name, details)
            sequence = await sql_audit.append(session, self._tables, case.project, [record])
            body = certify(current, ids, now_us, sequence)
            await save(session, self._tables, current, body=body, complete_time_us=now_us)
        return body

    async def _locked(self, session: AsyncSession, case: Case, hold: StillMine) -> Case:
        await hold(session)
        return (await locked(session, self._tables, case.project, case.id)).case

    def _of(self, case: Case) -> ColumnElement[bool]:
        gone = self._tables.erased_assets.c
        return and_(gone.project == case.project, gone.erasure_id == case.id)
