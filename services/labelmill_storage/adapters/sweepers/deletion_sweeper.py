"""Removes the objects that sql_deletions notes.

Two transactions a group, each of which holds the project. The first makes sure that no record needs the objects and
marks them as going; from its commit on nobody can record them, whatever happens to this process. The second removes
them, so that no other sweeper does, and dates the rows.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_runtime.database import Database
from labelmill_storage.adapters.sql.project_lock import lock_project
from labelmill_storage.adapters.sql.sql_deletions import GOING, take_back
from labelmill_storage.adapters.sql.sql_references import referenced
from labelmill_storage.adapters.sql.tables import StorageTables
from labelmill_storage.assets import AssetIds, Zone
from labelmill_storage.ports import ObjectStore

_GROUP = 32
"""Objects that go at once: what a writer may have to wait for."""
_PROJECTS_AT_ONCE = 100
_KEPT_US = 3600 * 1_000_000
"""How long rows that are done are kept: longer than anybody takes between writing an object and recording it."""


class DeletionSweeper:
    """Sweeps; `wake` makes it begin at once."""

    def __init__(self, database: Database, tables: StorageTables, objects: ObjectStore, ids: AssetIds) -> None:
        self._database = database
        self._tables = tables
        self._deletions = tables.deletions
        self._objects = objects
        self._ids = ids
        self._woken = asyncio.Event()
        self._woken.set()  # for what the last process left

    def wake(self) -> None:
        """There is something to remove."""
        self._woken.set()

    async def wait_and_sweep(self, at_most_s: float) -> None:
        """Waits until it is woken, or so long; then removes all that is to go, of all projects."""
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                await self._woken.wait()
        self._woken.clear()
        while projects := await self._projects():
            for project in projects:
                await self.sweep(project)
            if len(projects) < _PROJECTS_AT_ONCE:
                break
        await self._purge()

    async def sweep(self, project: str) -> int:
        """Removes all that is to go now in one project; how many objects that were."""
        removed = 0
        for zone in Zone:
            while await self._mark(project, zone):
                pass
            while group := await self._remove(project, zone):
                removed += group
        return removed

    async def _mark(self, project: str, zone: Zone) -> int:
        """Marks objects that nobody needs as going, and forgets about those that somebody does."""
        table, waits = self._deletions, self._deletions.c.done_time_us.is_(None)
        async with self._database.transaction() as session:
            await lock_project(session, project)
            paths = await self._group(session, project, zone, waits)
            needed = await referenced(session, self._tables, self._ids, project, zone, paths) if paths else set()
            free = [path for path in paths if path not in needed]
            if needed:
                await take_back(session, self._tables, self._are(project, zone, list(needed)))
            if free:
                going = update(table).where(self._are(project, zone, free)).values(done_time_us=GOING)
                await session.execute(going)
        return len(paths)

    async def _remove(self, project: str, zone: Zone) -> int:
        """Removes objects that are going."""
        table, going = self._deletions, self._deletions.c.done_time_us == GOING
        async with self._database.transaction() as session:
            await lock_project(session, project)
            paths = await self._group(session, project, zone, going)
            if paths:
                await self._objects.remove_many(zone, paths)
                now_us = time.time_ns() // 1000
                done = update(table).where(self._are(project, zone, paths))
                await session.execute(done.values(done_time_us=now_us, last_removal_us=now_us))
        return len(paths)

    async def _group(self, session: AsyncSession, project: str, zone: Zone, state: ColumnElement[bool]) -> list[str]:
        table = self._deletions.c
        query = select(table.path).where(table.project == project, table.zone == int(zone), state)
        return list((await session.scalars(query.order_by(table.path).limit(_GROUP))).all())

    async def _projects(self) -> Sequence[str]:
        table = self._deletions.c
        left = or_(table.done_time_us.is_(None), table.done_time_us == GOING)
        query = select(table.project).where(left).distinct().order_by(table.project).limit(_PROJECTS_AT_ONCE)
        async with self._database.reading() as session:
            return (await session.scalars(query)).all()

    async def _purge(self) -> None:
        done = self._deletions.c.done_time_us
        old = and_(done > GOING, done < time.time_ns() // 1000 - _KEPT_US)
        async with self._database.reading() as session:
            projects = (await session.scalars(select(self._deletions.c.project).where(old).distinct())).all()
        for project in projects:
            async with self._database.transaction() as session:
                await lock_project(session, project)
                await session.execute(delete(self._deletions).where(self._deletions.c.project == project, old))

    def _are(self, project: str, zone: Zone, paths: Sequence[str]) -> ColumnElement[bool]:
        table = self._deletions.c
        return and_(table.project == project, table.zone == int(zone), table.path.in_(paths))
