"""The annotation service on SQLite and on PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest

from labelmill_annotation.server import builder
from labelmill_runtime.service import running
from labelmill_runtime.settings import RuntimeSettings
from tests.annotation.fakes import FakeClock, FakePrelabel, FakeStorage, Names
from tests.annotation.mill import Mill


@pytest.fixture(params=["sqlite", "postgresql"])
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def database_url(dialect: str, request: pytest.FixtureRequest) -> str | None:
    """A fresh database; None for SQLite."""
    if dialect == "sqlite":
        return None
    server: str = request.getfixturevalue("postgres_url")
    name = f"annotation_{uuid.uuid4().hex}"
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    return f"{server.rpartition('/')[0]}/{name}"


@pytest.fixture
def settings(tmp_path: Path, database_url: str | None) -> RuntimeSettings:
    return RuntimeSettings(
        data_dir=tmp_path, port=0, database_url=database_url, database_pool_size=10, drain_seconds=2.0
    )


@pytest.fixture
async def mill(settings: RuntimeSettings, dialect: str) -> AsyncIterator[Mill]:
    storage, prelabel, clock = FakeStorage(), FakePrelabel(), FakeClock()
    build = builder(storage, prelabel, clock.now_ms)
    async with running(settings, [build], authenticator=Names()) as server, AsyncExitStack() as stack:
        yield Mill(server, dialect, storage, prelabel, clock, stack)
