"""Datasets in the service's own database; assets go in and out by single statements, however many they are."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, delete, func, literal, or_, select, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_runtime.database import Database
from labelmill_runtime.sql_filters import where
from labelmill_storage.adapters.sql.filter_columns import FilterColumns
from labelmill_storage.adapters.sql.project_lock import lock_project
from labelmill_storage.adapters.sql.rows import to_asset, to_time
from labelmill_storage.adapters.sql.tables import StorageTables
from labelmill_storage.adapters.sql.upserts import upsert_of
from labelmill_storage.assets import AssetNotFound, asset_name
from labelmill_storage.datasets.datasets import (
    ALL,
    Dataset,
    DatasetExists,
    DatasetHasSnapshots,
    DatasetKey,
    DatasetNotFound,
    EtagMismatch,
    Membership,
    Selection,
)
from labelmill_storage.ports import Page

_NAMES_AT_ONCE = 1000  # a statement takes some 32,000 parameters


class SqlDatasets:
    """DatasetRecords on SQLite or PostgreSQL."""

    def __init__(self, database: Database, tables: StorageTables) -> None:
        self._database = database
        self._tables = tables
        self._filter_columns = FilterColumns(tables.assets)

    async def create(self, transaction: Any, key: DatasetKey, display_name: str, description: str) -> Dataset:
        """A new, empty dataset; raises DatasetExists."""
        session: AsyncSession = transaction
        now_us = _now_us()
        row = {
            "project": key.project,
            "dataset_id": key.id,
            "display_name": display_name,
            "description": description,
            "etag": _new_etag(),
            "create_time_us": now_us,
            "update_time_us": now_us,
        }
        try:
            async with session.begin_nested():
                await session.execute(self._tables.datasets.insert(), [row])
        except IntegrityError:
            raise DatasetExists(key.name) from None
        return await self._require(session, key)

    async def get(self, key: DatasetKey) -> Dataset:
        """One dataset; raises DatasetNotFound."""
        async with self._database.reading() as session:
            return await self._require(session, key)

    async def page(self, project: str, after: str, size: int) -> list[Dataset]:
        """Datasets whose ids sort after `after`."""
        table = self._tables.datasets
        query = self._with_count(project).where(table.c.dataset_id > after).order_by(table.c.dataset_id).limit(size)
        async with self._database.reading() as session:
            return [_dataset(row) for row in await session.execute(query)]

    async def change(self, transaction: Any, key: DatasetKey, texts: Mapping[str, str], etag: str) -> Dataset:
        """Changes texts by column name, if the etag is the current one ("" fits any); raises EtagMismatch."""
        table = self._tables.datasets
        changed = update(table).where(_is(table, key), or_(table.c.etag == etag, literal(etag) == ""))
        values = {**texts, "etag": _new_etag(), "update_time_us": _now_us()}
        result = await transaction.execute(changed.values(values))
        dataset = await self._require(transaction, key)
        if not result.rowcount:
            raise EtagMismatch
        return dataset

    async def delete(self, transaction: Any, key: DatasetKey) -> None:
        """Forgets a dataset; raises DatasetNotFound, DatasetHasSnapshots."""
        tables = self._tables
        await lock_project(transaction, key.project)
        await self._require(transaction, key)
        if await transaction.scalar(select(literal(1)).where(_is(tables.snapshots, key)).limit(1)):
            raise DatasetHasSnapshots(key.name)
        await transaction.execute(delete(tables.dataset_assets).where(_is(tables.dataset_assets, key)))
        await transaction.execute(delete(tables.datasets).where(_is(tables.datasets, key)))

    async def add(self, transaction: Any, key: DatasetKey, chosen: Selection) -> Membership:
        """Puts assets in; raises DatasetNotFound, AssetNotFound for the first one there is not."""
        session: AsyncSession = transaction
        tables, assets, members = self._tables, self._tables.assets, self._tables.dataset_assets
        await lock_project(session, key.project)  # an erasure must not slip in between
        before = (await self._require(session, key)).asset_count
        await self._require_assets(session, key.project, chosen.asset_ids)
        insert = upsert_of(session)
        for condition in self._conditions(chosen):
            found = select(literal(key.project), literal(key.id), assets.c.asset_id)
            found = found.where(assets.c.project == key.project, condition)
            rows = insert(members).from_select(["project", "dataset_id", "asset_id"], found)
            await session.execute(rows.on_conflict_do_nothing())
        after = await self._touched(session, tables, key)
        return Membership(after - before, after)

    async def remove(self, transaction: Any, key: DatasetKey, chosen: Selection) -> Membership:
        """Takes assets out; raises DatasetNotFound."""
        assets, members = self._tables.assets, self._tables.dataset_assets
        await lock_project(transaction, key.project)
        before = (await self._require(transaction, key)).asset_count
        if chosen.filter_text == ALL:
            await transaction.execute(delete(members).where(_is(members, key)))
        elif chosen.filter_text:
            (condition,) = self._conditions(chosen)
            matching = select(assets.c.asset_id).where(assets.c.project == key.project, condition)
            gone = delete(members).where(_is(members, key), members.c.asset_id.in_(matching))
            await transaction.execute(gone)
        for part in _parts(chosen.asset_ids):
            await transaction.execute(delete(members).where(_is(members, key), members.c.asset_id.in_(part)))
        after = await self._touched(transaction, self._tables, key)
        return Membership(before - after, after)

    async def asset_page(self, key: DatasetKey, filter_text: str, after: int, size: int) -> Page:
        """Its assets in the order of their creation, after a cursor; raises DatasetNotFound, INVALID_FILTER."""
        assets, members = self._tables.assets, self._tables.dataset_assets
        condition = where(filter_text, self._filter_columns)
        inside = and_(assets.c.project == members.c.project, assets.c.asset_id == members.c.asset_id)
        query = select(assets).join(members, inside).where(_is(members, key), assets.c.seq > after)
        query = query.where(true() if condition is None else condition).order_by(assets.c.seq).limit(size + 1)
        async with self._database.reading() as session:
            dataset = await self._require(session, key)
            rows = (await session.execute(query)).all()
        more = len(rows) > size
        found = [to_asset(row) for row in rows[:size]]
        return Page(found, rows[size - 1].seq if more else None, dataset.asset_count)

    async def _require(self, session: AsyncSession, key: DatasetKey) -> Dataset:
        query = self._with_count(key.project).where(self._tables.datasets.c.dataset_id == key.id)
        row = (await session.execute(query)).one_or_none()
        if row is None:
            raise DatasetNotFound(key.name)
        return _dataset(row)

    async def _require_assets(self, session: AsyncSession, project: str, asset_ids: Sequence[str]) -> None:
        assets = self._tables.assets
        for part in _parts(asset_ids):
            query = select(assets.c.asset_id).where(assets.c.project == project, assets.c.asset_id.in_(part))
            known = set((await session.scalars(query)).all())
            for asset_id in part:
                if asset_id not in known:
                    raise AssetNotFound(asset_name(project, asset_id))

    async def _touched(self, session: AsyncSession, tables: StorageTables, key: DatasetKey) -> int:
        dated = update(tables.datasets).where(_is(tables.datasets, key)).values(update_time_us=_now_us())
        await session.execute(dated)
        members = tables.dataset_assets
        return int(await session.scalar(select(func.count()).select_from(members).where(_is(members, key))) or 0)

    def _conditions(self, chosen: Selection) -> list[ColumnElement[bool]]:
        """What the chosen assets fulfil: one of the conditions."""
        if chosen.filter_text == ALL:
            return [true()]
        condition = where(chosen.filter_text, self._filter_columns)
        if condition is not None:
            return [condition]
        return [self._tables.assets.c.asset_id.in_(part) for part in _parts(chosen.asset_ids)]

    def _with_count(self, project: str) -> Select[Any]:
        table, members = self._tables.datasets, self._tables.dataset_assets
        mine = and_(members.c.project == table.c.project, members.c.dataset_id == table.c.dataset_id)
        count = select(func.count()).select_from(members).where(mine).correlate(table).scalar_subquery()
        return select(table, count.label("asset_count")).where(table.c.project == project)


async def snapshots_holding(
    session: AsyncSession, tables: StorageTables, project: str, asset_ids: Sequence[str]
) -> dict[tuple[str, str], int]:
    """The finished snapshots that hold some of these assets: (dataset id, snapshot id) -> how many of them.

    Looks into each of the project's snapshots by their key: some microseconds for an asset and a snapshot.
    """
    held, snapshots = tables.snapshot_assets, tables.snapshots
    same = and_(held.c.project == snapshots.c.project, held.c.snapshot_id == snapshots.c.snapshot_id)
    found: dict[tuple[str, str], int] = {}
    for part in _parts(list(dict.fromkeys(asset_ids))):
        query = select(snapshots.c.dataset_id, snapshots.c.snapshot_id, func.count().label("held"))
        query = query.join(held, same).where(held.c.project == project, held.c.asset_id.in_(part))
        query = query.group_by(snapshots.c.dataset_id, snapshots.c.snapshot_id)
        for row in await session.execute(query):
            of_snapshot = (row.dataset_id, row.snapshot_id)
            found[of_snapshot] = found.get(of_snapshot, 0) + int(row.held)
    return found


def _dataset(row: Row[Any]) -> Dataset:
    return Dataset(
        key=DatasetKey(row.project, row.dataset_id),
        display_name=row.display_name,
        description=row.description,
        etag=row.etag,
        asset_count=row.asset_count,
        create_time=to_time(row.create_time_us),
        update_time=to_time(row.update_time_us),
    )


def _is(table: Any, key: DatasetKey) -> ColumnElement[bool]:
    return and_(table.c.project == key.project, table.c.dataset_id == key.id)


def _parts(asset_ids: Sequence[str]) -> list[Sequence[str]]:
    return [asset_ids[start : start + _NAMES_AT_ONCE] for start in range(0, len(asset_ids), _NAMES_AT_ONCE)]


def _new_etag() -> str:
    return secrets.token_hex(8)


def _now_us() -> int:
    return time.time_ns() // 1000
