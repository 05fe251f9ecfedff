"""Streams of the SDK in front of a real server and a network that breaks: large contents go on where they were."""

import hashlib
import os
from pathlib import Path

import pytest

from labelmill import Retry, errors
from labelmill.aio import Client
from labelmill.storage.v1 import resources_pb2
from tests.storage.breaking_proxy import breaking_proxy
from tests.storage.client import PARENT, Storage
from tests.storage.conftest import Start

MIB = 1024 * 1024
RETRY = Retry(max_attempts=30, initial_s=0.02, max_s=0.1)
RAW = resources_pb2.ZONE_RAW


class Steps:
    """What a caller was told of the progress."""

    def __init__(self) -> None:
        self.restarts: list[int] = []
        self.last = (0, 0)

    def __call__(self, done: int, total: int) -> None:
        if done < self.last[0]:
            self.restarts.append(done)
        self.last = (done, total)


def client(address: str, storage: Storage, who: str = "service") -> Client:
    return Client(address, storage.keys[who], retry=RETRY)


async def test_upload_goes_on_over_a_network_that_breaks(storage: Storage, tmp_path: Path) -> None:
    content, steps = os.urandom(24 * MIB + 5), Steps()
    path = tmp_path / "large.bin"
    path.write_bytes(content)
    async with (
        breaking_proxy(storage.address, 9 * MIB, 9 * MIB) as proxy,
        client(proxy.address, storage) as mill,
    ):
        asset = await mill.storage.upload(PARENT, path, subject="s1", on_progress=steps, via="stream")
    assert asset.raw.sha256 == hashlib.sha256(content).hexdigest()
    assert (await storage.download(asset.name))[1] == content
    assert proxy.broken == 2
    assert all(done > MIB for done in steps.restarts)  # never from the beginning; none if all that was sent had arrived
    assert steps.last == (len(content), len(content))


async def test_download_goes_on_over_a_network_that_breaks(storage: Storage, tmp_path: Path) -> None:
    content, steps = os.urandom(20 * MIB + 5), Steps()
    asset = await storage.upload(content)
    path = tmp_path / "large.bin"
    path.write_bytes(b"what was there before")
    async with (
        breaking_proxy(storage.address, 7 * MIB, 7 * MIB) as proxy,
        client(proxy.address, storage) as mill,
    ):
        described = await mill.storage.download_to(asset.name, path, zone=RAW, on_progress=steps, via="stream")
    assert described == asset.raw
    assert path.read_bytes() == content
    assert list(tmp_path.glob(".labelmill-*")) == []
    assert proxy.broken == 2
    assert steps.restarts == []  # no byte twice
    assert steps.last == (len(content), len(content))


async def test_known_content_is_not_sent_again(storage: Storage) -> None:
    content = os.urandom(30 * MIB)
    first = await storage.upload(content)
    async with (
        breaking_proxy(storage.address, 25 * MIB) as proxy,
        client(proxy.address, storage) as mill,
    ):
        assert await mill.storage.upload(PARENT, content, via="stream") == first
    assert proxy.broken == 0


async def test_network_that_never_gets_better_ends_the_tries(storage: Storage) -> None:
    async with (
        breaking_proxy(storage.address, *[10_000] * 500) as proxy,
        Client(proxy.address, storage.keys["service"], retry=Retry(max_attempts=4, initial_s=0.01)) as mill,
    ):
        with pytest.raises(errors.Unavailable):
            await mill.storage.upload(PARENT, os.urandom(9 * MIB), via="stream")


async def test_damaged_content_never_gets_its_name(storage: Storage, tmp_path: Path) -> None:
    content = os.urandom(9 * MIB)
    asset = await storage.upload(content)
    (stored,) = storage.files()
    stored.write_bytes(content[: 8 * MIB] + b"\0" * MIB)
    async with client(storage.address, storage) as mill:
        with pytest.raises(errors.DataLoss, match="CONTENT_DAMAGED"):
            await mill.storage.download_to(asset.name, tmp_path / "out.bin", zone=RAW, via="stream")
    assert not (tmp_path / "out.bin").exists()
    assert list(tmp_path.glob(".labelmill-*")) == []


async def test_upload_goes_on_in_another_run(start: Start) -> None:
    content, upload_id = os.urandom(20 * MIB), "11111111-2222-4333-8444-555555555555"
    steps = Steps()
    async with (
        start() as storage,
        breaking_proxy(storage.address, 12 * MIB, *[1000] * 500) as proxy,
        Client(proxy.address, storage.keys["service"], retry=Retry(max_attempts=2, initial_s=0.01)) as mill,
    ):
        with pytest.raises(errors.LabelmillError):
            await mill.storage.upload(PARENT, content, upload_id=upload_id, timeout_s=30, via="stream")
    async with start() as storage, client(storage.address, storage) as mill:
        begun: list[int] = []

        def progress(done: int, total: int) -> None:
            begun.append(done)
            steps(done, total)

        asset = await mill.storage.upload(PARENT, content, upload_id=upload_id, on_progress=progress, via="stream")
        assert begun[0] > MIB
        assert (await storage.download(asset.name))[1] == content
