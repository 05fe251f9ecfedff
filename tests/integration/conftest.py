"""One `labelmill up` for all integration tests; each test works in a project of its own."""

from collections.abc import Iterator

import pytest
from tests.support.up import Up


@pytest.fixture(scope="session")
def shared_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """All services in one process, on embedded defaults."""
    with Up(tmp_path_factory.mktemp("up") / "data") as up:
        yield up
