"""The records of one transaction, and the archive that opens them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_annotation.adapters.sql_annotations import SqlAnnotations, SqlBenchmarks
from labelmill_annotation.adapters.sql_erasure import SqlErasure
from labelmill_annotation.adapters.sql_projects import SqlAssets, SqlProjects
from labelmill_annotation.adapters.sql_tasks import SqlTasks
from labelmill_runtime.database import Database
from labelmill_runtime.erased_names import ErasedNames


class SqlRecords:
    """All that is kept, within one transaction."""

    def __init__(self, session: AsyncSession, dialect: str, erased: ErasedNames) -> None:
        self.projects = SqlProjects(session, dialect)
        self.tasks = SqlTasks(session, dialect)
        self.assets = SqlAssets(session, dialect)
        self.benchmarks = SqlBenchmarks(session)
        self.annotations = SqlAnnotations(session)
        self.erasure = SqlErasure(session, erased)


class SqlArchive:
    """Opens records."""

    def __init__(self, database: Database, now_ms: Callable[[], int]) -> None:
        self._database = database
        self._erased = ErasedNames(database, now_ms)
        self.overlapping = database.dialect == "postgresql"

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[SqlRecords]:
        """A consistent view to read from."""
        async with self._database.reading() as session:
            yield SqlRecords(session, self._database.dialect, self._erased)

    def within(self, session: object) -> SqlRecords:
        """The records within a transaction that is open."""
        assert isinstance(session, AsyncSession)
        return SqlRecords(session, self._database.dialect, self._erased)

    async def scrub(self) -> None:
        """Takes what was erased out of the files."""
        await self._database.scrub()
