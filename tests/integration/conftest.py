"""One `labelmill up` for all integration tests; each test module works in a project of its own."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.support.up import UpProcess


@pytest.fixture(scope="session")
def shared_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpProcess]:
    """All services in one process, on embedded defaults."""
    process = UpProcess(tmp_path_factory.mktemp("up") / "data")
    try:
        asyncio.run(process.start())
        yield process
    finally:
        process.kill()
