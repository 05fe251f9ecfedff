"""A running echo server with its keys, and clients for it."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from labelmill_runtime import logs
from labelmill_runtime.access import create_key
from labelmill_runtime.database import Database
from labelmill_runtime.principal import Grant, Role
from labelmill_runtime.service import RunningServer, running
from labelmill_runtime.settings import RuntimeSettings
from tests.runtime.echo_protos import echo_pb2_grpc
from tests.runtime.echo_service import MIGRATIONS, Echo, echo_metadata
from tests.support.postgres import new_database


class LogLines(io.StringIO):
    """What the process logged."""

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.getvalue().splitlines()]
        return [line for line in lines if name is None or line["event"] == name]


@dataclass
class Running:
    """The server under test."""

    server: RunningServer
    echo: Echo
    keys: dict[str, str]
    log: LogLines
    channel: grpc.aio.Channel
    stub: Any
    settings: RuntimeSettings
    extra: dict[str, Any] = field(default_factory=dict)

    def as_(self, who: str) -> tuple[tuple[str, str], ...]:
        """The metadata of a caller."""
        return (("authorization", f"Bearer {self.keys[who]}"),)


def make_keys(path: Path) -> dict[str, str]:
    everywhere = {"owner": Role.OWNER, "service": Role.SERVICE}
    keys = {who: create_key(path, who, [Grant(role, "*")]) for who, role in everywhere.items()}
    for role in (Role.MANAGER, Role.ANNOTATOR, Role.REVIEWER, Role.PRIVACY_OFFICER):
        keys[role.name.lower()] = create_key(path, role.name.lower(), [Grant(role, "p1")])
    keys["stranger"] = create_key(path, "stranger", [Grant(Role.MANAGER, "p2")])
    return keys


@pytest.fixture
def log() -> Iterator[LogLines]:
    """Everything that is logged during the test, down to DEBUG."""
    lines = LogLines()
    logs.configure("DEBUG", lines)
    yield lines
    logs.configure("INFO")


@pytest.fixture
def settings(tmp_path: Path) -> RuntimeSettings:
    return RuntimeSettings(
        data_dir=tmp_path, port=0, default_deadline_s=1.0, default_stream_deadline_s=1.5,
        max_message_bytes=64 * 1024, drain_seconds=2.0, operation_lease_s=1.5,
    )  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def both_settings(request: pytest.FixtureRequest, settings: RuntimeSettings) -> RuntimeSettings:
    """Settings for SQLite, and for a new database of a real PostgreSQL."""
    if request.param == "sqlite":
        return settings
    url = new_database(request.getfixturevalue("postgres_url"))
    return settings.model_copy(update={"database_url": url})


@pytest.fixture
async def database(both_settings: RuntimeSettings) -> AsyncIterator[Database]:
    """The echo service's database, on both."""
    opened = await Database.open(both_settings, "echo", echo_metadata(), migrations_dir=MIGRATIONS)
    yield opened
    await opened.close()


@pytest.fixture
async def run(settings: RuntimeSettings, log: LogLines, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    """The echo server on SQLite, and a stub for it."""
    monkeypatch.setattr("labelmill_runtime.operation_runner._CLOSE_GRACE_S", 0.5)
    echo, keys = Echo(), make_keys(settings.keys_path)
    async with running(settings, [echo.build]) as server, grpc.aio.insecure_channel(server.address) as channel:
        yield Running(server, echo, keys, log, channel, echo_pb2_grpc.EchoServiceStub(channel), settings)
