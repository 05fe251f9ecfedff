"""Selections of the life cycle as conditions on the table of assets."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_runtime.sql_filters import where
from labelmill_storage.adapters.sql.filter_columns import FilterColumns
from labelmill_storage.adapters.sql.tables import StorageTables
from labelmill_storage.assets import AssetNotFound, asset_name
from labelmill_storage.selection import EVERYTHING, Selected


def condition(tables: StorageTables, chosen: Selected) -> ColumnElement[bool]:
    """What the selected assets fulfil; raises INVALID_FILTER."""
    assets = tables.assets.c
    if chosen.asset_ids:
        return assets.asset_id.in_(chosen.asset_ids)  # at most 10,000, which both databases take
    if chosen.subject_hash:
        return assets.subject_hash == chosen.subject_hash
    if chosen.filter_text == EVERYTHING:
        return true()
    matching = where(chosen.filter_text, FilterColumns(tables.assets))
    return true() if matching is None else matching


async def require_all(session: AsyncSession, tables: StorageTables, project: str, asset_ids: Sequence[str]) -> None:
    """Raises AssetNotFound for the first asset there is not."""
    if not asset_ids:
        return
    assets = tables.assets.c
    query = select(assets.asset_id).where(assets.project == project, assets.asset_id.in_(asset_ids))
    known = set((await session.scalars(query)).all())
    for asset_id in asset_ids:
        if asset_id not in known:
            raise AssetNotFound(asset_name(project, asset_id))
