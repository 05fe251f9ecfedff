"""A scripted server and a client to it."""

from collections.abc import AsyncIterator, Iterator

import pytest

import labelmill
from labelmill import aio

from . import fake_server
from .fake_server import Script

FAST = labelmill.Retry(initial_s=0.01)


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def address(script: Script) -> Iterator[str]:
    server, port = fake_server.start(script)
    yield f"127.0.0.1:{port}"
    script.hold.set()
    server.stop(0).wait(5)


@pytest.fixture
async def client(address: str) -> AsyncIterator[aio.Client]:
    async with aio.Client(address, "lm_test", retry=FAST) as client:
        yield client


@pytest.fixture
def sync_client(address: str) -> Iterator[labelmill.Client]:
    with labelmill.Client(address, "lm_test", retry=FAST) as client:
        yield client
