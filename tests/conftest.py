"""Fixtures of every test. Starters of real servers live in tests/support/, one file each."""

from __future__ import annotations

import os
from collections.abc import Iterator

import hypothesis
import pytest

from tests.support.postgres import postgres_server

# The same examples everywhere: a run tells of the code and not of luck. HYPOTHESIS_PROFILE=search looks further.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.register_profile("search", max_examples=1000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

for _variable in [name for name in os.environ if name.startswith("LABELMILL_")]:
    del os.environ[_variable]  # the shell's settings must not decide tests


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a real PostgreSQL that lives as long as the run."""
    with postgres_server() as url:
        yield url
