"""Projects, ontologies and asset facts in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_annotation.adapters.sql_tables import assets, ontologies, projects
from labelmill_annotation.projects import Project, QualityPlan
from labelmill_annotation.statements import AssetFacts, ImageSize


class SqlProjects:
    """Projects and their ontologies."""

    def __init__(self, session: AsyncSession, dialect: str) -> None:
        self._session = session
        self._insert = postgresql.insert if dialect == "postgresql" else sqlite.insert

    async def find(self, project: str) -> Project | None:
        """The project."""
        row = (await self._session.execute(select(projects).where(projects.c.id == project))).one_or_none()
        return None if row is None else _project(row)

    async def lock(self, project: str) -> Project | None:
        """The project; other transactions that lock it wait."""
        query = select(projects).where(projects.c.id == project).with_for_update()
        row = (await self._session.execute(query)).one_or_none()
        return None if row is None else _project(row)

    async def add(self, project: Project, ontology: bytes) -> bool:
        """Adds a project; False if the id is taken."""
        statement = self._insert(projects).values(_row(project)).on_conflict_do_nothing().returning(projects.c.id)
        if (await self._session.execute(statement)).first() is None:
            return False
        await self._add_ontology(project, ontology, project.create_ms)
        return True

    async def change(self, project: Project, ontology: bytes | None) -> None:
        """Writes a changed project, and its new ontology."""
        await self._session.execute(update(projects).where(projects.c.id == project.id).values(_row(project)))
        if ontology is not None:
            await self._add_ontology(project, ontology, project.update_ms)

    async def page(self, among: Sequence[str] | None, after: str, limit: int) -> list[Project]:
        """Projects by id."""
        query = select(projects).where(projects.c.id > after).order_by(projects.c.id).limit(limit)
        if among is not None:
            query = query.where(projects.c.id.in_(among))
        return [_project(row) for row in await self._session.execute(query)]

    async def ontology(self, project: str, version: int) -> bytes | None:
        """One version of an ontology."""
        query = select(ontologies.c.payload).where(ontologies.c.project == project, ontologies.c.version == version)
        payload = (await self._session.execute(query)).scalar_one_or_none()
        return None if payload is None else bytes(payload)

    async def _add_ontology(self, project: Project, payload: bytes, now_ms: int) -> None:
        row = {"project": project.id, "version": project.ontology_version, "payload": payload, "create_ms": now_ms}
        await self._session.execute(insert(ontologies).values(row))


class SqlAssets:
    """Facts of assets."""

    def __init__(self, session: AsyncSession, dialect: str) -> None:
        self._session = session
        self._insert = postgresql.insert if dialect == "postgresql" else sqlite.insert

    async def keep(self, project: str, facts: Sequence[AssetFacts]) -> None:
        """Writes facts; newer ones replace older ones."""
        if not facts:
            return
        statement = self._insert(assets)
        changed = {name: statement.excluded[name] for name in _FACT_COLUMNS}
        statement = statement.on_conflict_do_update(index_elements=["project", "asset"], set_=changed)
        await self._session.execute(statement, [_facts_row(project, fact) for fact in sorted(facts, key=_by_asset)])

    async def read(self, project: str, names: Sequence[str]) -> Mapping[str, AssetFacts]:
        """Facts by asset."""
        if not names:
            return {}
        query = select(assets).where(assets.c.project == project, assets.c.asset.in_(names))
        return {row.asset: _facts(row) for row in await self._session.execute(query)}


_FACT_COLUMNS = ("media_type", "text_length", "image_width_px", "image_height_px")


def _by_asset(facts: AssetFacts) -> str:
    return facts.asset


def _facts_row(project: str, facts: AssetFacts) -> dict[str, Any]:
    size = facts.image_size
    return {
        "project": project,
        "asset": facts.asset,
        "media_type": facts.media_type,
        "text_length": facts.text_length,
        "image_width_px": size.width if size else None,
        "image_height_px": size.height if size else None,
    }


def _facts(row: Row[Any]) -> AssetFacts:
    size = None if row.image_width_px is None else ImageSize(row.image_width_px, row.image_height_px)
    return AssetFacts(row.asset, row.media_type, row.text_length, size)


def _row(project: Project) -> dict[str, Any]:
    return {
        "id": project.id,
        "display_name": project.display_name,
        "ontology_version": project.ontology_version,
        "labels_per_asset": project.plan.labels_per_asset,
        "overlap_share": project.plan.overlap_share,
        "benchmark_share": project.plan.benchmark_share,
        "lease_duration_ms": project.plan.lease_duration,
        "show_predictions": project.plan.show_predictions,
        "secret": project.secret,
        "revision": project.revision,
        "create_ms": project.create_ms,
        "update_ms": project.update_ms,
    }


def _project(row: Row[Any]) -> Project:
    plan = QualityPlan(
        labels_per_asset=row.labels_per_asset,
        overlap_share=row.overlap_share,
        benchmark_share=row.benchmark_share,
        lease_duration=row.lease_duration_ms,
        show_predictions=row.show_predictions,
    )
    return Project(
        id=row.id,
        display_name=row.display_name,
        ontology_version=row.ontology_version,
        plan=plan,
        secret=bytes(row.secret),
        revision=row.revision,
        create_ms=row.create_ms,
        update_ms=row.update_ms,
    )
