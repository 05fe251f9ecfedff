"""The quality service on a real socket, with a project in memory behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from labelmill.aio import Client, Retry
from labelmill_quality import server as quality_server
from labelmill_quality.settings import QualitySettings
from labelmill_runtime.access import create_key
from labelmill_runtime.principal import Grant, Role
from labelmill_runtime.service import RunningServer, RuntimeContext, Service, running
from labelmill_runtime.settings import RuntimeSettings
from tests.quality.fake_changes import FakeChanges
from tests.quality.fake_contents import FakeContents
from tests.quality.fakes import PROJECT, FakeAnnotations
from tests.support.postgres import new_database

ROLES = {
    "owner": Grant(Role.OWNER, "*"),
    "manager": Grant(Role.MANAGER, PROJECT),
    "reviewer": Grant(Role.REVIEWER, PROJECT),
    "annotator": Grant(Role.ANNOTATOR, "*"),
    "officer": Grant(Role.PRIVACY_OFFICER, "*"),
    "service": Grant(Role.SERVICE, "*"),
    "stranger": Grant(Role.MANAGER, "p-two"),
}


@dataclass
class Mill:
    """The service under test."""

    server: RunningServer
    source: FakeAnnotations
    keys: dict[str, str]
    stack: AsyncExitStack
    changes: FakeChanges
    contents: FakeContents
    clients: dict[str, Client] = field(default_factory=dict)

    def as_(self, who: str) -> Client:
        """The client of a caller; see ROLES."""
        if who not in self.clients:
            self.clients[who] = Client(self.server.address, self.keys[who], retry=Retry(max_attempts=1))
            self.stack.push_async_callback(self.clients[who].close)
        return self.clients[who]

    @property
    def consensus(self):  # type: ignore[no-untyped-def]
        """Consensus of labels sent along, as the project's manager calls it."""
        return self.as_("manager").consensus

    @property
    def agreement(self):  # type: ignore[no-untyped-def]
        """Agreement of labels sent along, as the project's manager calls it."""
        return self.as_("manager").agreement

    @property
    def labelers(self):  # type: ignore[no-untyped-def]
        """Analysis of labelers, as the project's manager calls it."""
        return self.as_("manager").labelers

    @property
    def benchmark(self):  # type: ignore[no-untyped-def]
        """Labels against gold, both sent along, as the project's manager calls it."""
        return self.as_("manager").benchmark

    @property
    def quality(self):  # type: ignore[no-untyped-def]
        """The service, as the project's manager calls it."""
        return self.as_("manager").quality

    @property
    def live(self):  # type: ignore[no-untyped-def]
        """A project's figures as they are now, as its manager calls them."""
        return self.as_("manager").live


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """None for SQLite; a new database of a real PostgreSQL."""
    return None if request.param == "sqlite" else new_database(request.getfixturevalue("postgres_url"))


@pytest.fixture
def settings(tmp_path: Path) -> RuntimeSettings:
    return RuntimeSettings(data_dir=tmp_path, port=0, drain_seconds=2.0)


async def serve(
    settings: RuntimeSettings,
    source: FakeAnnotations,
    stack: AsyncExitStack,
    changes: FakeChanges | None = None,
    *,
    follow_seconds: float = 3600.0,
    quality: QualitySettings | None = None,
) -> Mill:
    """Starts the service; again on the same settings after the stack was closed."""
    feed, contents = changes or FakeChanges(), FakeContents()
    keys = {who: create_key(settings.keys_path, who, [grant]) for who, grant in ROLES.items()}

    async def build(context: RuntimeContext) -> Service:
        chosen = quality or QualitySettings(bootstrap_count=100, follow_seconds=follow_seconds)
        return await quality_server.build_with(context, chosen, source, feed, contents)

    server = await stack.enter_async_context(running(settings, [build]))
    return Mill(server, source, keys, stack, feed, contents)


@pytest.fixture
async def mill(settings: RuntimeSettings) -> AsyncIterator[Mill]:
    async with AsyncExitStack() as stack:
        yield await serve(settings, FakeAnnotations(), stack)


@pytest.fixture
async def mill_on_both(settings: RuntimeSettings, database_url: str | None) -> AsyncIterator[Mill]:
    async with AsyncExitStack() as stack:
        chosen = settings.model_copy(update={"database_url": database_url})
        yield await serve(chosen, FakeAnnotations(), stack)
