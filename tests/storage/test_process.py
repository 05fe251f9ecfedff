"""Storage as a process: killed in the middle of its work, and weighed under large contents."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import grpc.aio

from labelmill.storage.v1 import service_pb2, service_pb2_grpc
from tests.storage.client import RAW, Part, Storage, header
from tests.storage.conftest import make_keys
from tests.storage.projects import KnownProjects
from tests.storage.signing import Signer

ROOT = Path(__file__).resolve().parents[2]
MIB = 1024 * 1024
CHUNK = 256 * 1024


@asynccontextmanager
async def server(data_dir: Path, keys: dict[str, str]) -> AsyncIterator[tuple[Storage, asyncio.subprocess.Process]]:
    """A server in a process of its own, killed at the end if it still lives."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.storage.serve_alone", str(data_dir), cwd=ROOT, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        port = int(await asyncio.wait_for(process.stdout.readline(), 60))
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = service_pb2_grpc.StorageServiceStub(channel)
            yield Storage(stub, keys, data_dir, KnownProjects(set()), Signer(None), channel=channel), process
    finally:
        with contextlib.suppress(ProcessLookupError):  # the test may have killed it
            process.kill()
        await process.wait()


def resident_bytes(process: asyncio.subprocess.Process) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))


async def ingest_until_killed(storage: Storage, acknowledged: dict[str, bytes], seed: int) -> None:
    """Uploads and batches, one after the other, noting what was acknowledged."""
    source = random.Random(seed)
    with contextlib.suppress(grpc.aio.AioRpcError):
        while True:
            content = source.randbytes(source.choice([100, 300_000, 3_000_000]))
            asset = await storage.upload(content)
            acknowledged[asset.name] = content
            texts = [source.randbytes(200) for _ in range(20)]
            for text, result in zip(texts, await storage.create(texts), strict=True):
                acknowledged[result.asset.name] = text


async def test_sigkill_loses_nothing_acknowledged_and_staging_is_swept(tmp_path: Path) -> None:
    keys, acknowledged = make_keys(tmp_path / "keys.json"), {}
    rounds = random.Random(7)
    for round_ in range(4):
        async with server(tmp_path, keys) as (storage, process):
            assert storage.staged() == []  # what the killed one left is gone
            workers = [
                asyncio.create_task(ingest_until_killed(storage, acknowledged, round_ * 10 + n)) for n in range(3)
            ]
            before = len(acknowledged)
            while len(acknowledged) < before + 25:
                await asyncio.sleep(0.01)
            await asyncio.sleep(rounds.random() * 0.5)
            process.kill()
            await asyncio.gather(*workers)
    async with server(tmp_path, keys) as (storage, _):
        assert storage.staged() == []
        assert set(acknowledged) <= {name async for name in all_names(storage)}
        for name, content in acknowledged.items():
            assert (await storage.download(name))[1] == content


async def all_names(storage: Storage) -> AsyncIterator[str]:
    token = ""
    while True:
        page = await storage.list_assets(page_size=1000, page_token=token)
        for asset in page.assets:
            yield asset.name
        token = page.next_page_token
        if not token:
            return


async def test_sigkill_in_the_middle_of_an_upload_leaves_no_trace(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys.json")
    async with server(tmp_path, keys) as (storage, process):

        async def stuck() -> AsyncIterator[Part]:
            yield header()
            for _ in range(20):
                yield Part(chunk=b"x" * CHUNK)
            while not storage.staged():
                await asyncio.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            await asyncio.sleep(30)

        with contextlib.suppress(grpc.aio.AioRpcError):
            await storage.send(stuck())
        assert len(storage.staged()) == 1
    async with server(tmp_path, keys) as (storage, _):
        assert storage.staged() == []
        assert storage.files() == []
        assert await storage.listed() == []


async def test_large_contents_stream_in_constant_memory(tmp_path: Path) -> None:
    keys, block = make_keys(tmp_path / "keys.json"), os.urandom(CHUNK)
    size, digest = 64 * MIB, hashlib.sha256()

    async def generated() -> AsyncIterator[Part]:
        yield header(size_bytes=size)
        for number in range(size // CHUNK):
            chunk = number.to_bytes(8, "big") + block[8:]
            digest.update(chunk)
            yield Part(chunk=chunk)
        yield Part(sha256=digest.hexdigest())

    async with server(tmp_path, keys) as (storage, process):
        await storage.upload(os.urandom(6 * MIB))  # warm: threads, pools, code
        await storage.upload(b"A sentence, so that the language model is loaded.")
        before, peak = resident_bytes(process), 0

        async def watch() -> None:
            nonlocal peak
            while True:
                peak = max(peak, resident_bytes(process))
                await asyncio.sleep(0.01)

        watching = asyncio.create_task(watch())
        asset = await storage.send(generated())
        assert asset.raw.size_bytes == size
        received, request = hashlib.sha256(), service_pb2.DownloadAssetRequest(name=asset.name, zone=RAW)
        async for message in storage.stub.DownloadAsset(request, metadata=storage.as_("service"), timeout=60):
            received.update(message.chunk)
        watching.cancel()
        assert received.digest() == digest.digest()
        assert peak - before < 40 * MIB


async def test_sigterm_drains_and_ends_well(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys.json")
    async with server(tmp_path, keys) as (storage, process):
        asset = await storage.upload(b"text")
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 15) == 0
    assert list((tmp_path / "objects" / "staging").iterdir()) == []
    async with server(tmp_path, keys) as (storage, _):
        assert (await storage.download(asset.name))[1] == b"text"
