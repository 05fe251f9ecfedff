"""Finds objects that no record knows: what a process left that died between writing an object and recording it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import structlog

from labelmill_runtime.database import Database
from labelmill_storage.adapters.sql import sql_deletions
from labelmill_storage.adapters.sql.project_lock import lock_project
from labelmill_storage.adapters.sql.sql_references import referenced
from labelmill_storage.adapters.sql.tables import StorageTables
from labelmill_storage.assets import AssetIds, Zone
from labelmill_storage.ports import ListedObject, ObjectKey, ObjectStore

_AGE = timedelta(days=1)
"""Younger ones may be about to be recorded."""
_FIRST_SHARE = 24
"""The first search begins after this part of the interval: not at every start, but also where starts are frequent."""
_GROUP = 200


class OrphanSweeper:
    """Goes through the whole store, page by page, and asks for the removal of what is nobody's."""

    def __init__(
        self,
        database: Database,
        tables: StorageTables,
        objects: ObjectStore,
        ids: AssetIds,
        *,
        interval_s: float,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._tables = tables
        self._objects = objects
        self._ids = ids
        self._wait_s = interval_s / _FIRST_SHARE
        self._interval_s = interval_s
        self._now = now

    async def wait_and_sweep(self) -> None:
        """One search, when its time has come."""
        await asyncio.sleep(self._wait_s)
        self._wait_s = self._interval_s
        await self.sweep()

    async def sweep(self) -> int:
        """Searches now; how many objects are to go. The deletion sweeper looks again before it removes any."""
        found = 0
        for zone in Zone:
            async for page in self._objects.list_objects(zone):
                for project, paths in self._old(page).items():
                    for first in range(0, len(paths), _GROUP):
                        found += await self._ask(zone, project, paths[first : first + _GROUP])
        if found:
            structlog.get_logger().info("storage.orphans_found", objects=found)
        return found

    def _old(self, page: Sequence[ListedObject]) -> dict[str, list[str]]:
        """Paths of old contents by project; what begins with an underscore is no content."""
        before, paths = self._now() - _AGE, dict[str, list[str]]()
        for listed in page:
            project, slash, _ = listed.path.partition("/")
            if slash and not project.startswith("_") and listed.modify_time < before:
                paths.setdefault(project, []).append(listed.path)
        return paths

    async def _ask(self, zone: Zone, project: str, paths: Sequence[str]) -> int:
        async with self._database.reading() as session:
            known = await referenced(session, self._tables, self._ids, project, zone, paths)
        if not (unknown := [path for path in paths if path not in known]):
            return 0
        async with self._database.transaction() as session:
            await lock_project(session, project)
            keys = [ObjectKey(zone, project, "", path) for path in unknown]
            await sql_deletions.request(session, self._tables, keys)
        return len(unknown)
