"""Which assets jobs used, in the service's own database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy import delete, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_runtime.database import Database
from labelmill_runtime.erased_names import ErasedNames
from labelmill_training.adapters.tables import TrainingTables
from labelmill_training.ports import OpenJob
from labelmill_training.registry import VERSION, Job, JobState
from labelmill_training.training_set import LabelledSet

_ROWS_PER_STATEMENT = 2000


class SqlItems:
    """Items on SQLite or PostgreSQL; see `ports.Items`."""

    def __init__(self, database: Database, tables: TrainingTables) -> None:
        self._database = database
        self._erased = ErasedNames(database)
        self._items, self._jobs, self._versions = tables.items, tables.jobs, tables.versions

    async def record(
        self, job: Job, chosen: LabelledSet, began_ms: int, hold: Callable[[AsyncSession], Awaitable[None]]
    ) -> frozenset[str]:
        """See the port."""
        used = [
            *((name, True) for name in chosen.training_assets),
            *((name, False) for name in chosen.evaluation_assets),
        ]
        rows = [
            {"project": job.project, "asset": name.rpartition("/")[2], "job": job.id, "trained": trained}
            for name, trained in used
        ]
        async with self._database.transaction() as session:
            await hold(session)
            erased = await self._erased.since(session, [name for name, _ in used], began_ms)
            if erased:
                return erased
            await session.execute(delete(self._items).where(self._items.c.job == job.id))  # of a run that crashed
            for start in range(0, len(rows), _ROWS_PER_STATEMENT):
                await session.execute(insert(self._items), rows[start : start + _ROWS_PER_STATEMENT])
        return erased

    async def remember_erased(self, project: str, asset_ids: Sequence[str]) -> None:
        """See the port."""
        async with self._database.transaction() as session:
            await self._erased.remember(session, [f"projects/{project}/assets/{asset}" for asset in asset_ids])

    async def unfinished(self, project: str, asset_ids: Sequence[str]) -> list[OpenJob]:
        """See the port."""
        items, jobs = self._items.c, self._jobs.c
        any_item = select(items.job).where(items.job == jobs.id).exists()
        theirs = select(items.job).where(items.project == project, items.asset.in_(asset_ids), items.job == jobs.id)
        query = select(jobs.id, jobs.operation, any_item.label("known"), theirs.exists().label("uses")).where(
            jobs.project == project, jobs.state < int(JobState.SUCCEEDED)
        )
        async with self._database.reading() as session:
            rows = (await session.execute(query)).all()
        return [OpenJob(row.id, row.operation, bool(row.uses) if row.known else None) for row in rows]

    async def trained(self, session: AsyncSession, project: str, asset_ids: Sequence[str]) -> list[str]:
        """See the port."""
        items, versions = self._items.c, self._versions.c
        users = select(items.job).where(items.project == project, items.asset.in_(asset_ids), items.trained)
        known = select(items.job).where(items.job == versions.job).exists()
        query = select(versions.model, versions.version).where(
            versions.project == project, or_(versions.job.in_(users), ~known)
        )
        rows = await session.execute(query.order_by(versions.model, versions.version))
        return [VERSION.format(project=project, model=row.model, version=row.version) for row in rows]

    async def scrub(self) -> None:
        """See the port."""
        await self._database.scrub()
