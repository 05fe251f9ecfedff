"""Annotations and benchmarks in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, and_, exists, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_annotation.adapters import sql_filter_fields
from labelmill_annotation.adapters.sql_tables import annotation_versions as kept
from labelmill_annotation.adapters.sql_tables import benchmarks, met_assets
from labelmill_annotation.tasks import Gold, Kind, Purpose
from labelmill_annotation.versions import Annotation
from labelmill_runtime import sql_filters


class SqlAnnotations:
    """Annotations in versions."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, new: Sequence[Annotation]) -> None:
        """Adds versions; each becomes the current one."""
        if not new:
            return
        later = [annotation.id for annotation in new if annotation.version > 1]
        if later:
            outdated = and_(kept.c.id.in_(later), kept.c.is_current)
            await self._session.execute(update(kept).where(outdated).values(is_current=False))
        await self._session.execute(insert(kept), [_row(annotation) for annotation in new])

    async def of_task(self, project: str, task: str) -> Mapping[str, Annotation]:
        """Current versions by id, withdrawn ones included."""
        query = select(kept).where(
            kept.c.task == task,
            kept.c.project == project,
            kept.c.is_current,
        )
        return {row.id: _annotation(row) for row in await self._session.execute(query)}

    async def find(self, project: str, annotation: str, version: int) -> Annotation | None:
        """One version; 0 is the current one."""
        query = select(kept).where(kept.c.id == annotation, kept.c.project == project)
        query = query.where(kept.c.version == version if version else kept.c.is_current)
        row = (await self._session.execute(query)).one_or_none()
        return None if row is None else _annotation(row)

    async def versions(self, project: str, annotation: str) -> list[Annotation]:
        """All versions, newest first."""
        query = select(kept).where(kept.c.id == annotation, kept.c.project == project)
        return [_annotation(row) for row in await self._session.execute(query.order_by(kept.c.version.desc()))]

    async def page(self, project: str, filter_text: str, after: str, limit: int) -> list[Annotation]:
        """Current annotations that are not withdrawn, by id: ids sort by creation."""
        query = select(kept).where(
            kept.c.project == project,
            kept.c.is_current,
            ~kept.c.withdrawn,
            kept.c.id > after,
        )
        condition = sql_filters.where(filter_text, sql_filter_fields.of_annotations())
        if condition is not None:
            query = query.where(condition)
        rows = await self._session.execute(query.order_by(kept.c.id).limit(limit))
        return [_annotation(row) for row in rows]

    async def changes(self, project: str, after: tuple[int, str], limit: int) -> list[Annotation]:
        """Newest versions, withdrawn ones included, by time, then id."""
        query = select(kept).where(
            kept.c.project == project,
            kept.c.is_current,
            tuple_(kept.c.create_ms, kept.c.id) > after,
        )
        rows = await self._session.execute(query.order_by(kept.c.create_ms, kept.c.id).limit(limit))
        return [_annotation(row) for row in rows]


class SqlBenchmarks:
    """Gold."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, gold: Sequence[Gold]) -> None:
        """Adds benchmarks."""
        if gold:
            await self._session.execute(insert(benchmarks), [_gold_row(item) for item in gold])

    async def existing(self, project: str, assets: Sequence[str]) -> set[str]:
        """Which of the assets have gold."""
        query = select(benchmarks.c.asset).where(benchmarks.c.project == project, benchmarks.c.asset.in_(assets))
        return set((await self._session.execute(query)).scalars())

    async def held_out(self, project: str, assets: Sequence[str]) -> set[str]:
        """Which of the assets are held out to evaluate models."""
        query = select(benchmarks.c.asset).where(
            benchmarks.c.project == project,
            benchmarks.c.asset.in_(assets),
            benchmarks.c.purpose == int(Purpose.EVALUATION),
        )
        return set((await self._session.execute(query)).scalars())

    async def unseen(self, project: str, labeler: str, start: int, limit: int) -> list[str]:
        """Assets with gold that the labeler has not met, by rank from `start` on and around."""
        met = exists().where(
            met_assets.c.project == project, met_assets.c.labeler == labeler, met_assets.c.asset == benchmarks.c.asset
        )
        query = (
            select(benchmarks.c.asset)
            .where(benchmarks.c.project == project, benchmarks.c.purpose == int(Purpose.LABELERS), ~met)
            .order_by(benchmarks.c.rank < start, benchmarks.c.rank)
            .limit(limit)
        )
        return list((await self._session.execute(query)).scalars())

    async def page(self, project: str, filter_text: str, after: str, limit: int) -> list[Gold]:
        """Benchmarks in the order of their creation."""
        query = select(benchmarks).where(benchmarks.c.project == project, benchmarks.c.id > after)
        condition = sql_filters.where(filter_text, sql_filter_fields.of_benchmarks())
        if condition is not None:
            query = query.where(condition)
        rows = await self._session.execute(query.order_by(benchmarks.c.id).limit(limit))
        return [_gold(row) for row in rows]


def _row(annotation: Annotation) -> dict[str, Any]:
    return {
        "id": annotation.id,
        "version": annotation.version,
        "is_current": True,
        "withdrawn": annotation.withdrawn,
        "project": annotation.project,
        "task": annotation.task,
        "asset": annotation.asset,
        "feature": annotation.feature,
        "class_name": annotation.class_name,
        "labeler": annotation.labeler,
        "kind": int(annotation.kind),
        "batch": annotation.batch,
        "payload": annotation.payload,
        "ontology_version": annotation.ontology_version,
        "create_ms": annotation.create_ms,
        "time_spent_ms": annotation.time_spent_ms,
    }


def _annotation(row: Row[Any]) -> Annotation:
    return Annotation(
        id=row.id,
        version=row.version,
        project=row.project,
        task=row.task,
        asset=row.asset,
        feature=row.feature,
        class_name=row.class_name,
        labeler=row.labeler,
        kind=Kind(row.kind),
        batch=row.batch,
        payload=bytes(row.payload),
        ontology_version=row.ontology_version,
        create_ms=row.create_ms,
        withdrawn=row.withdrawn,
        time_spent_ms=row.time_spent_ms,
    )


def _gold_row(gold: Gold) -> dict[str, Any]:
    return {
        "id": gold.id,
        "project": gold.project,
        "asset": gold.asset,
        "purpose": int(gold.purpose),
        "payload": gold.payload,
        "ontology_version": gold.ontology_version,
        "rank": gold.rank,
        "create_ms": gold.create_ms,
    }


def _gold(row: Row[Any]) -> Gold:
    return Gold(
        id=row.id,
        project=row.project,
        asset=row.asset,
        purpose=Purpose(row.purpose),
        payload=bytes(row.payload),
        ontology_version=row.ontology_version,
        rank=row.rank,
        create_ms=row.create_ms,
    )
