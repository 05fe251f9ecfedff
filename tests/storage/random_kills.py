"""Kills a storage server at random moments while several writers use it, then looks whether anything that it
acknowledged is gone or damaged: python -m tests.storage.random_kills --kills 100 --store local.

The server is a process of its own on its own database; the writers are the ordinary SDK. Prints one line and exits with
1 if anything was lost (acknowledged, but not there) or torn (there, but not what was sent).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import os
import random
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from labelmill import Retry, errors
from labelmill.aio import Client
from labelmill.storage.v1 import resources_pb2, service_pb2
from tests.storage.client import PARENT
from tests.storage.conftest import make_keys, s3_settings
from tests.support.s3 import s3_server

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
_PATIENT = Retry(max_attempts=100, initial_s=0.05, max_s=0.3)
_SMALL = (10, 2_000, 300_000)
_LARGE = (9_000_000, 14_000_000, 30_000_000)
_LONGEST_LIFE_S = 2.0


@dataclass
class Tally:
    """What was acknowledged, and what became of it."""

    sent: dict[str, str] = field(default_factory=dict)
    """Asset -> the SHA-256 of what was sent."""
    kills: int = 0
    resumed: int = 0
    """Uploads that went on in the middle."""
    lost: int = 0
    torn: int = 0

    def line(self) -> str:
        acknowledged = len(self.sent)
        return (
            f"kills={self.kills} acknowledged={acknowledged} lost={self.lost} torn={self.torn} resumed={self.resumed}"
        )


@dataclass
class Server:
    """The storage service as a process that is killed and started again, on one port."""

    data_dir: Path
    port: int
    environment: dict[str, str]
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Starts it and waits until it serves."""
        with (self.data_dir / "server.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.storage.serve_alone", str(self.data_dir), str(self.port)),
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **self.environment},
            )
        assert self.process.stdout is not None
        if not await asyncio.wait_for(self.process.stdout.readline(), 60):
            log_text = (self.data_dir / "server.log").read_text(errors="replace")
            raise RuntimeError(f"the server did not start:\n{log_text[-3000:]}")

    async def kill(self) -> None:
        """As by kill -9."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()


async def run(kills: int, seed: int, environment: dict[str, str], data_dir: Path) -> Tally:
    """Writes and kills until `kills` are reached, then reads everything back."""
    tally, dice = Tally(), random.Random(seed)
    key = make_keys(data_dir / "keys.json")["service"]
    server = Server(data_dir, _free_port(), environment)
    try:
        await server.start()
        async with Client(f"127.0.0.1:{server.port}", key, retry=_PATIENT) as client:
            makers = (_upload_small, _upload_small, _upload_large, _upload_large, _create_batches)
            async with _writing([make(client, tally, random.Random(f"{seed}/{n}")) for n, make in enumerate(makers)]):
                while tally.kills < kills:
                    await asyncio.sleep(dice.random() * _LONGEST_LIFE_S)
                    await server.kill()
                    tally.kills += 1
                    await server.start()
            await _verify(client, tally)
    finally:
        await server.kill()
    return tally


@asynccontextmanager
async def _writing(writers: Sequence[AsyncIterator[None]]) -> AsyncIterator[None]:
    """Lets writers work during the block; each finishes what it has begun."""
    over = asyncio.Event()

    async def work(writer: AsyncIterator[None]) -> None:
        async for _ in writer:
            if over.is_set():
                return

    tasks = [asyncio.create_task(work(writer)) for writer in writers]
    try:
        yield
        over.set()
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _upload_small(client: Client, tally: Tally, dice: random.Random) -> AsyncIterator[None]:
    while True:
        content = dice.randbytes(dice.choice(_SMALL))
        _acknowledged(tally, content, await _until_done(partial(client.storage.upload, PARENT, content)))
        yield


async def _upload_large(client: Client, tally: Tally, dice: random.Random) -> AsyncIterator[None]:
    while True:
        content = dice.randbytes(dice.choice(_LARGE))
        upload_id = str(uuid.UUID(int=dice.getrandbits(128)))
        count = _Resumptions(tally)
        upload = partial(client.storage.upload, PARENT, content, upload_id=upload_id, on_progress=count)
        _acknowledged(tally, content, await _until_done(upload))
        yield


class _Resumptions:
    """Counts how often a stream went on in the middle: its progress then falls back, yet not to the beginning."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._before = 0

    def __call__(self, sent: int, _total: int) -> None:
        if self._before > sent > 1_000_000:
            self._tally.resumed += 1
        self._before = sent


async def _create_batches(client: Client, tally: Tally, dice: random.Random) -> AsyncIterator[None]:
    while True:
        contents = [dice.randbytes(dice.choice((50, 500, 20_000))) for _ in range(30)]
        items = [service_pb2.BatchCreateAssetsRequest.Item(content=content) for content in contents]
        request = service_pb2.BatchCreateAssetsRequest(parent=PARENT, items=items)
        results = (await _until_done(partial(client.storage.batch_create_assets, request))).results
        for content, result in zip(contents, results, strict=True):
            assert result.status.code == 0, result.status
            _acknowledged(tally, content, result.asset)
        yield


async def _until_done(call: Callable[[], Awaitable[T]]) -> T:
    """What the call answers in the end: a user who waits for a server that comes and goes."""
    while True:
        try:
            return await call()
        except (errors.Unavailable, errors.DeadlineExceeded, errors.Aborted):
            await asyncio.sleep(0.05)


def _acknowledged(tally: Tally, content: bytes, asset: resources_pb2.Asset) -> None:
    tally.sent[asset.name] = hashlib.sha256(content).hexdigest()


async def _verify(client: Client, tally: Tally) -> None:
    """Reads every acknowledged asset, and every other one that is there: none may be half written."""
    listed: set[str] = set()
    async for asset in client.storage.list_assets(service_pb2.ListAssetsRequest(parent=PARENT, page_size=1000)):
        listed.add(asset.name)
    for name in sorted(listed | tally.sent.keys()):
        try:
            content = await client.storage.download(name, zone=resources_pb2.ZONE_RAW)
        except errors.DataLoss as error:
            tally.lost += error.reason == "OBJECT_MISSING"
            tally.torn += error.reason != "OBJECT_MISSING"
        except errors.NotFound:
            tally.lost += 1
        else:
            expected = tally.sent.get(name)
            tally.torn += expected is not None and hashlib.sha256(content).hexdigest() != expected


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def environment_of(store: str) -> Iterator[dict[str, str]]:
    """The settings that put the server on a store."""
    if store == "local":
        yield {}
        return
    with s3_server() as server:
        yield {f"LABELMILL_STORAGE_{name.upper()}": str(value) for name, value in s3_settings(server).items()}


def main(arguments: Sequence[str] | None = None, *, say: Callable[[str], object] = print) -> int:
    """The console entry."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--store", choices=("local", "s3"), default="local")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, environment_of(given.store) as environment:
        tally = asyncio.run(run(given.kills, given.seed, environment, Path(folder)))
    say(tally.line())
    return 1 if tally.lost or tally.torn else 0


if __name__ == "__main__":
    sys.exit(main())
