"""Fixtures of every test. Starters of real servers live in tests/support/, one file each."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.support.postgres import postgres_server

for _variable in [name for name in os.environ if name.startswith("LABELMILL_")]:
    del os.environ[_variable]  # the shell's settings must not decide tests


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a real PostgreSQL that lives as long as the run."""
    with postgres_server() as url:
        yield url
