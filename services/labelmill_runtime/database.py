"""A service's own database: SQLite (WAL) in the data directory, or a PostgreSQL schema `labelmill_<service>`.

Both behave alike to the code above: `transaction()` commits or rolls back as a whole, `reading()` only reads.
On SQLite there is one writer; transactions queue for it in order, so none fails with "database is locked".
"""

from __future__ import annotations

import asyncio
import importlib.util
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, MetaData, event, make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from labelmill_runtime import migrations, sqlite_connection
from labelmill_runtime.errors import Unavailable
from labelmill_runtime.settings import RuntimeSettings
from labelmill_runtime.tables import RuntimeTables, runtime_tables

_BUSY_TIMEOUT_MS = 10_000
_TRUNCATE_ATTEMPTS = 50
_TRUNCATE_PAUSE_S = 0.1
_SERVICE = re.compile(r"[a-z][a-z0-9_]{0,40}")


class Database:
    """One service's database; make it with `open`."""

    def __init__(self, writer: AsyncEngine, reader: AsyncEngine, metadata: MetaData) -> None:
        self.metadata = metadata
        self.dialect: str = writer.dialect.name
        self._writer = writer
        self._reader = reader
        self._write_sessions = async_sessionmaker(writer, expire_on_commit=False)
        self._read_sessions = async_sessionmaker(reader, expire_on_commit=False)
        self._turn = asyncio.Lock() if self.dialect == "sqlite" else nullcontext()
        self._inside: set[asyncio.Task[Any] | None] = set()

    @classmethod
    async def open(
        cls, settings: RuntimeSettings, service: str, metadata: MetaData, *, migrations_dir: Path | None = None
    ) -> Database:
        """Opens the database of a service, creates it if absent, and migrates it to the newest version.

        Args:
            settings: `database_url` chooses PostgreSQL; without it, `<data_dir>/<service>.db`.
            service: Short name; part of the file or schema name.
            metadata: The service's tables. The runtime's tables are added to it.
            migrations_dir: Default: the folder `migrations` of the package `labelmill_<service>`.
        """
        if not _SERVICE.fullmatch(service):
            raise ValueError("A service name is lower case letters, digits and underscores.")
        runtime_tables(metadata)
        database = cls(*_engines(settings, service), metadata)
        try:
            await database._migrate(service, migrations_dir or _migrations_of(service))
        except BaseException:
            await database.close()
            raise
        return database

    @property
    def tables(self) -> RuntimeTables:
        """The runtime's tables."""
        return runtime_tables(self.metadata)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A read-write transaction: committed when the block ends, rolled back when it raises.

        A committed transaction is on disk. Keep the block short: on SQLite the others wait. A transaction inside a
        transaction would wait for itself and raises RuntimeError; pass the session on instead.
        """
        task = asyncio.current_task()
        if task in self._inside:
            raise RuntimeError("transaction() inside transaction(): pass the session on instead")
        async with self._turn:
            self._inside.add(task)
            try:
                async with self._write_sessions.begin() as session:
                    await self._connect(session)
                    yield session
            finally:
                self._inside.discard(task)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A consistent view to read from; writing raises."""
        async with self._read_sessions() as session:
            await self._connect(session)
            yield session

    async def ping(self) -> bool:
        """Whether the database answers; for readiness."""
        async with self.reading() as session:
            await session.execute(text("SELECT 1"))
        return True

    async def scrub(self) -> None:
        """Takes what was deleted out of the database's files, too; after an erasure, outside of transactions.

        SQLite: rewrites the file (VACUUM) and empties the write-ahead log. `secure_delete` alone leaves copies of
        deleted rows, which SQLite made when it moved rows between pages. Writers wait meanwhile.
        PostgreSQL: does nothing; VACUUM there is the operator's (see the README).

        Raises:
            Unavailable: DATABASE_BUSY if readers hold on to the log; call again.
        """
        if asyncio.current_task() in self._inside:
            raise RuntimeError("scrub() inside transaction(): what it deletes is not committed yet")
        if self.dialect != "sqlite":
            return
        await self._alone("VACUUM", _BUSY_TIMEOUT_MS)
        for _ in range(_TRUNCATE_ATTEMPTS):
            blocked, *_ = await self._alone("PRAGMA wal_checkpoint(TRUNCATE)", 0)
            if not blocked:
                return
            await asyncio.sleep(_TRUNCATE_PAUSE_S)
        message = "Somebody reads the database for long, so deleted rows are still in its write-ahead log."
        raise Unavailable("DATABASE_BUSY", message, retry_after_s=10)

    async def close(self) -> None:
        """Closes every connection."""
        await self._writer.dispose()
        await self._reader.dispose()

    async def _connect(self, session: AsyncSession) -> None:
        """Connects now, to the end: an opening that a cancellation cuts off leaves a connection that nobody closes."""
        if self.dialect == "postgresql":  # SQLite's connections see to it themselves
            await sqlite_connection.to_the_end(session.connection())

    async def _alone(self, statement: str, timeout_ms: int) -> tuple[Any, ...]:
        """Runs a statement of SQLite's that no transaction may surround, waiting so long for locks; its first row."""
        async with self._turn, self._writer.connect() as connection:
            # Not through SQLAlchemy, which would begin a transaction.
            driver: Any = (await connection.get_raw_connection()).driver_connection
            await driver.execute_fetchall(f"PRAGMA busy_timeout = {timeout_ms}")
            try:
                rows = await driver.execute_fetchall(statement)
            finally:
                await driver.execute_fetchall(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
            return tuple(rows[0]) if rows else ()

    async def _migrate(self, service: str, directory: Path) -> None:
        async with self._writer.begin() as connection:
            if self.dialect == "postgresql":
                # Replicas start together: the first one migrates, the others wait and find nothing to do.
                await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": service})
                await connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {_schema(service)}"))
            await connection.run_sync(_upgrade, directory, self.metadata)


def _upgrade(connection: Connection, directory: Path, metadata: MetaData) -> None:
    migrations.upgrade(connection, directory, metadata)


def _engines(settings: RuntimeSettings, service: str) -> tuple[AsyncEngine, AsyncEngine]:
    if settings.database_url is None:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        path = settings.data_dir / f"{service}.db"
        return _sqlite(path, "IMMEDIATE", 1), _sqlite(path, "DEFERRED", settings.database_pool_size)
    url, size = make_url(settings.database_url), settings.database_pool_size
    # Two pools: a transaction that also reads must not wait for connections held by those who wait for it.
    reader = _postgresql(url, service, size)
    return (
        _postgresql(url, service, size),
        reader.execution_options(postgresql_readonly=True, isolation_level="REPEATABLE READ"),
    )


def _postgresql(url: URL, service: str, pool_size: int) -> AsyncEngine:
    if url.get_backend_name() != "postgresql":
        raise ValueError("LABELMILL_DATABASE_URL must start with postgresql:// (unset it for SQLite).")
    return create_async_engine(
        url.set(drivername="postgresql+asyncpg"),
        pool_size=pool_size,
        max_overflow=0,  # two pools a service, six services in one process: together under PostgreSQL's default of 100
        pool_pre_ping=True,  # a restarted server must not cost a request
        hide_parameters=True,  # statements may show up in tracebacks, values must not
        connect_args={"server_settings": {"search_path": _schema(service), "application_name": f"labelmill_{service}"}},
    )


def _sqlite(path: Path, begin: str, pool_size: int) -> AsyncEngine:
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)),
        async_creator=sqlite_connection.opener(path),
        pool_size=pool_size,
        max_overflow=0,
        hide_parameters=True,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes too late and skips DDL; ours is below
        cursor = connection.cursor()
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",  # acknowledged means durable, also across a power cut
            f"busy_timeout = {_BUSY_TIMEOUT_MS}",
            "foreign_keys = ON",
            "secure_delete = ON",  # deleted rows are overwritten; what that leaves, `scrub` takes
            f"query_only = {'OFF' if begin == 'IMMEDIATE' else 'ON'}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {begin}")

    return engine


def _schema(service: str) -> str:
    return f"labelmill_{service}"


def _migrations_of(service: str) -> Path:
    spec = importlib.util.find_spec(f"labelmill_{service}")
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(f"There is no package labelmill_{service} with migrations.")
    return Path(spec.submodule_search_locations[0]) / "migrations"
