"""Erasure in SQL: all that is kept about assets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Table, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_annotation.adapters.sql_tables import (
    annotation_versions,
    assets,
    benchmarks,
    labelers,
    met_assets,
    task_skips,
    tasks,
)
from labelmill_runtime.erased_names import ErasedNames


class SqlErasure:
    """Erasure within one transaction."""

    def __init__(self, session: AsyncSession, erased: ErasedNames) -> None:
        self._session = session
        self._erased = erased

    async def since(self, project: str, asset_ids: Sequence[str], began_ms: int) -> set[str]:
        """Which of the assets were erased since."""
        names = _names(project, asset_ids)
        return {name.rpartition("/")[2] for name in await self._erased.since(self._session, names, began_ms)}

    async def remember(self, project: str, asset_ids: Sequence[str]) -> None:
        """Remembers the erasure; transactions that have asked `since` end first."""
        await self._erased.remember(self._session, _names(project, asset_ids))

    async def remove(self, project: str, asset_ids: Sequence[str]) -> dict[str, int]:
        """Removes rows of every kind; how many of each."""
        their_tasks = select(tasks.c.id).where(_of(tasks, project, asset_ids))
        # In the order in which all others lock tasks.
        await self._session.execute(their_tasks.order_by(tasks.c.id).with_for_update())
        versions = _of(annotation_versions, project, asset_ids)
        counted = select(func.count()).where(versions, annotation_versions.c.is_current)
        removed = {"annotations": (await self._session.scalar(counted)) or 0}
        removed["annotation_versions"] = await self._delete(annotation_versions, versions)
        removed["benchmarks"] = await self._delete(benchmarks, _of(benchmarks, project, asset_ids))
        removed["task_skips"] = await self._delete(task_skips, task_skips.c.task.in_(their_tasks))
        removed["tasks"] = await self._delete(tasks, _of(tasks, project, asset_ids))
        # With the labelers, the key of the table is used from its start.
        of_labelers = met_assets.c.labeler.in_(select(labelers.c.labeler).where(labelers.c.project == project))
        await self._delete(met_assets, _of(met_assets, project, asset_ids) & of_labelers)
        await self._delete(assets, _of(assets, project, asset_ids))
        return removed

    async def _delete(self, table: Table, condition: ColumnElement[bool]) -> int:
        return cast("CursorResult[Any]", await self._session.execute(delete(table).where(condition))).rowcount


def _of(table: Table, project: str, asset_ids: Sequence[str]) -> ColumnElement[bool]:
    return (table.c.project == project) & table.c.asset.in_(asset_ids)


def _names(project: str, asset_ids: Sequence[str]) -> list[str]:
    return [f"projects/{project}/assets/{asset}" for asset in asset_ids]
