"""Snapshots in the service's own database, and what is frozen while their manifests are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, delete, exists, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_runtime.database import Database
from labelmill_storage.adapters.snapshots.receipt_policies import policy_of
from labelmill_storage.adapters.sql import sql_deletions
from labelmill_storage.adapters.sql.project_lock import lock_project
from labelmill_storage.adapters.sql.rows import to_microseconds, to_time
from labelmill_storage.adapters.sql.tables import StorageTables
from labelmill_storage.assets import Content, Zone, asset_name
from labelmill_storage.datasets.datasets import AssetsNotClean, DatasetEmpty, DatasetKey, DatasetNotFound
from labelmill_storage.datasets.ports import Hold
from labelmill_storage.datasets.snapshots import (
    MANIFEST_TYPE,
    AssetsErasedMeanwhile,
    Frozen,
    Lineage,
    Snapshot,
    SnapshotKey,
    SnapshotNotFound,
)
from labelmill_storage.datasets.snapshots import Row as SnapshotRow
from labelmill_storage.datasets.splitting import Part, Split


class SqlSnapshots:
    """SnapshotRecords on SQLite or PostgreSQL."""

    def __init__(self, database: Database, tables: StorageTables) -> None:
        self._database = database
        self._tables = tables

    async def get(self, key: SnapshotKey) -> Snapshot:
        """One snapshot; raises SnapshotNotFound."""
        found = await self.find(key)
        if found is None:
            raise SnapshotNotFound(key.name)
        return found

    async def find(self, key: SnapshotKey) -> Snapshot | None:
        """One snapshot, if there is one."""
        query = select(self._tables.snapshots).where(self._is(key))
        async with self._database.reading() as session:
            row = (await session.execute(query)).one_or_none()
        return None if row is None else _snapshot(row)

    async def page(self, dataset: DatasetKey, before: str, size: int) -> list[Snapshot]:
        """Snapshots of a dataset whose ids sort before `before` ("": all), newest first; raises DatasetNotFound."""
        table = self._tables.snapshots
        query = select(table).where(table.c.project == dataset.project, table.c.dataset_id == dataset.id)
        query = query.where(table.c.snapshot_id < before) if before else query
        async with self._database.reading() as session:
            await self._require_dataset(session, dataset)
            rows = (await session.execute(query.order_by(table.c.snapshot_id.desc()).limit(size))).all()
        return [_snapshot(row) for row in rows]

    async def check(self, dataset: DatasetKey, *, clean_only: bool) -> None:
        """Whether a dataset can be frozen now; raises DatasetNotFound, DatasetEmpty, AssetsNotClean."""
        async with self._database.reading() as session:
            await self._check(session, dataset, clean_only=clean_only)

    async def freeze(self, key: SnapshotKey, *, clean_only: bool, hold: Hold) -> int:
        """Freezes which assets a snapshot has, at once and once; returns how many. Raises as `check`."""
        held, members, dataset = self._tables.snapshot_assets, self._tables.dataset_assets, key.dataset
        count = select(func.count()).select_from(held).where(self._frozen(key))
        async with self._database.transaction() as session:
            await hold(session)
            if before := await session.scalar(count):
                return int(before)  # by a process that died since
            await lock_project(session, dataset.project)
            await self._check(session, dataset, clean_only=clean_only)
            inside = and_(members.c.project == dataset.project, members.c.dataset_id == dataset.id)
            chosen = select(members.c.project, literal(key.id), members.c.asset_id).where(inside)
            await session.execute(held.insert().from_select(["project", "snapshot_id", "asset_id"], chosen))
            return int(await session.scalar(count) or 0)

    async def frozen(self, key: SnapshotKey, after: str, size: int) -> list[Frozen]:
        """Frozen assets whose ids sort after `after`, as they are now; without those that were erased meanwhile."""
        held = self._tables.snapshot_assets
        page = self._rows(key.dataset.project).where(self._frozen(key), held.c.asset_id > after)
        async with self._database.reading() as session:
            rows = (await session.execute(page.order_by(held.c.asset_id).limit(size))).all()
        return [_frozen(row) for row in rows]

    async def labels(self, project: str, asset_ids: Sequence[str]) -> dict[str, Mapping[str, str]]:
        """The labels of those assets that exist."""
        assets = self._tables.assets
        query = select(assets.c.asset_id, assets.c.labels)
        query = query.where(assets.c.project == project, assets.c.asset_id.in_(asset_ids))
        async with self._database.reading() as session:
            return {row.asset_id: row.labels for row in await session.execute(query)}

    async def record(self, snapshot: Snapshot, frozen_count: int, hold: Hold) -> Snapshot:
        """Makes a snapshot visible; raises CONTENT_REMOVED_MEANWHILE, ASSETS_ERASED_MEANWHILE."""
        tables, key = self._tables, snapshot.key
        async with self._database.transaction() as session:
            await hold(session)
            await lock_project(session, key.dataset.project)
            await self._require_dataset(session, key.dataset)
            await sql_deletions.keep(session, tables, {snapshot.manifest_key: snapshot.manifest.last_removal})
            existing = await self._existing(session, key)
            if existing < snapshot.asset_count:
                raise AssetsErasedMeanwhile
            if existing < frozen_count:  # by erasures that the manifest knows of already
                await session.execute(delete(tables.snapshot_assets).where(self._frozen(key), self._is_erased()))
            await session.execute(tables.snapshots.insert(), [_row(snapshot)])
        return await self.get(key)

    async def discard(self, key: SnapshotKey) -> None:
        """Forgets what was frozen for a snapshot that will not be."""
        async with self._database.transaction() as session:
            if await session.scalar(select(literal(1)).where(self._is(key))) is None:
                await session.execute(delete(self._tables.snapshot_assets).where(self._frozen(key)))

    async def _existing(self, session: AsyncSession, key: SnapshotKey) -> int:
        held, assets = self._tables.snapshot_assets, self._tables.assets
        same = and_(assets.c.project == held.c.project, assets.c.asset_id == held.c.asset_id)
        query = select(func.count()).select_from(held).join(assets, same).where(self._frozen(key))
        return int(await session.scalar(query) or 0)

    def _is_erased(self) -> ColumnElement[bool]:
        held, assets = self._tables.snapshot_assets, self._tables.assets
        same = and_(assets.c.project == held.c.project, assets.c.asset_id == held.c.asset_id)
        return ~exists().where(same)

    async def _check(self, session: AsyncSession, dataset: DatasetKey, *, clean_only: bool) -> None:
        members, assets = self._tables.dataset_assets, self._tables.assets
        await self._require_dataset(session, dataset)
        inside = and_(members.c.project == dataset.project, members.c.dataset_id == dataset.id)
        if await session.scalar(select(literal(1)).where(inside).limit(1)) is None:
            raise DatasetEmpty(dataset.name)
        if not clean_only:
            return
        same = and_(assets.c.project == members.c.project, assets.c.asset_id == members.c.asset_id)
        raw = select(func.count()).select_from(members).join(assets, same).where(inside, assets.c.zone == int(Zone.RAW))
        if count := await session.scalar(raw):
            raise AssetsNotClean(int(count))

    async def _require_dataset(self, session: AsyncSession, dataset: DatasetKey) -> None:
        table = self._tables.datasets
        there = and_(table.c.project == dataset.project, table.c.dataset_id == dataset.id)
        if await session.scalar(select(literal(1)).where(there)) is None:
            raise DatasetNotFound(dataset.name)

    def _rows(self, project: str) -> Select[Any]:
        """What rows are made from: frozen ids, their assets, and the receipts that admitted them."""
        held, assets, receipts = self._tables.snapshot_assets, self._tables.assets, self._tables.receipts
        same = and_(assets.c.project == held.c.project, assets.c.asset_id == held.c.asset_id)
        receipt_id = func.substr(assets.c.receipt, len(f"projects/{project}/receipts/") + 1)
        admitted = and_(receipts.c.project == assets.c.project, receipts.c.receipt_id == receipt_id)
        parts = ("sha256", "size_bytes", "media_type", "text_length", "width_px", "height_px")
        return (
            select(
                assets.c.project,
                assets.c.asset_id,
                assets.c.zone,
                assets.c.labels,
                assets.c.receipt,
                assets.c.exception,
                assets.c.create_time_us,
                receipts.c.body.label("receipt_body"),
                *(assets.c[f"{zone}_{part}"] for zone in ("raw", "clean") for part in parts),
            )
            .select_from(held)
            .join(assets, same)
            .outerjoin(receipts, admitted)
        )

    def _is(self, key: SnapshotKey) -> ColumnElement[bool]:
        table, dataset = self._tables.snapshots, key.dataset
        mine = and_(table.c.project == dataset.project, table.c.dataset_id == dataset.id)
        return and_(mine, table.c.snapshot_id == key.id)

    def _frozen(self, key: SnapshotKey) -> ColumnElement[bool]:
        held = self._tables.snapshot_assets
        return and_(held.c.project == key.dataset.project, held.c.snapshot_id == key.id)


def _frozen(row: Row[Any]) -> Frozen:
    clean = row.zone == int(Zone.CLEAN)
    found, of = row._mapping, "clean" if clean else "raw"
    receipt = row.receipt if clean else ""
    return Frozen(
        row.asset_id,
        row.labels,
        SnapshotRow(
            asset=asset_name(row.project, row.asset_id),
            zone=of.upper(),
            sha256=found[f"{of}_sha256"],
            size_bytes=found[f"{of}_size_bytes"],
            media_type=found[f"{of}_media_type"],
            text_length=found[f"{of}_text_length"],
            width_px=found[f"{of}_width_px"],
            height_px=found[f"{of}_height_px"],
            admitted_by=receipt or row.exception,
            policy=policy_of(row.receipt_body) if receipt and row.receipt_body is not None else "",
            create_time_us=row.create_time_us,
            split="",
        ),
    )


def _row(snapshot: Snapshot) -> dict[str, Any]:
    split, lineage, manifest, key = snapshot.split, snapshot.lineage, snapshot.manifest, snapshot.key
    return {
        "project": key.dataset.project,
        "dataset_id": key.dataset.id,
        "snapshot_id": key.id,
        "content_sha256": snapshot.content_sha256,
        "manifest_sha256": manifest.sha256,
        "manifest_size_bytes": manifest.size_bytes,
        "manifest_location": manifest.location,
        "manifest_block_digests": manifest.block_digests or None,
        "asset_count": snapshot.asset_count,
        "content_size_bytes": snapshot.content_size_bytes,
        "split_counts": dict(snapshot.split_counts),
        "split": None if split is None else asdict(split),
        "lineage": asdict(lineage),
        "create_time_us": to_microseconds(snapshot.create_time),
        "erased_count": snapshot.erased_count,
    }


def _snapshot(row: Row[Any]) -> Snapshot:
    split = row.split
    return Snapshot(
        key=SnapshotKey(DatasetKey(row.project, row.dataset_id), row.snapshot_id),
        content_sha256=row.content_sha256,
        manifest=Content(
            sha256=row.manifest_sha256,
            size_bytes=row.manifest_size_bytes,
            media_type=MANIFEST_TYPE,
            block_digests=bytes(row.manifest_block_digests or b""),
            location=row.manifest_location,
        ),
        asset_count=row.asset_count,
        content_size_bytes=row.content_size_bytes,
        split_counts=row.split_counts,
        split=None if split is None else Split(**{**split, "parts": [Part(**part) for part in split["parts"]]}),
        lineage=Lineage(**row.lineage),
        create_time=to_time(row.create_time_us),
        erased_count=row.erased_count,
    )
