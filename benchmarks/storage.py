"""Our storage service beside the bare minio SDK, on the same S3 server, in the same run; and imports from a folder.

    python -m benchmarks.storage [--quick] [--json]

Speed: the same bytes go up and down once through UploadAsset and DownloadAsset of a server in a process of its own,
with all that a service owes (identity, checksums, inspection, rows that are on disk), and once through the SDK's
put_object and get_object in this process. Client, service and S3 server share this machine's cores, so the service pays
for its own work and for a second way over the network stack; the SDK alone pays for neither. By URL, the bytes pass the
service by. Large objects one at a time, small ones 32 at a time (the SDK in as many threads).
Memory: the most that the server and its children hold while 20 uploads of 1 GB run at once; the target is the peer.
Import: small text files from a folder into the local store, on SQLite; then the same folder again.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import io
import itertools
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import grpc.aio
import urllib3
import uvloop
from google.longrunning import operations_pb2, operations_pb2_grpc
from minio import Minio
from minio.deleteobjects import DeleteObject

from labelmill.storage.v1 import imports_service_pb2 as imports
from labelmill.storage.v1 import imports_service_pb2_grpc, resources_pb2, service_pb2, service_pb2_grpc
from labelmill_runtime.access import create_key
from labelmill_runtime.principal import Grant, Role
from tests.support.s3 import CLEAN_BUCKET, RAW_BUCKET, S3Server, s3_server

PARENT = "projects/news"  # the project that tests.storage.serve_alone knows
MB = 1024 * 1024
CHUNK = 256 * 1024
AT_ONCE = 32
UPLOADS_AT_ONCE = 20
MEMORY_MB = 200
FILES_PER_S = 2000
RAW = resources_pb2.ZONE_RAW


@dataclass(frozen=True)
class Figure:
    """One line of the outcome."""

    figure: str
    ours: float
    peer: float
    unit: str
    ratio: float
    target: float


@dataclass(frozen=True)
class Server:
    """A storage service in a process of its own, and how to call it."""

    stub: Any  # the generated types know the calls of synchronous channels alone
    channel: grpc.aio.Channel
    metadata: Sequence[tuple[str, str]]
    process: subprocess.Popen[str]


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller and fewer objects")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    arguments = parser.parse_args()

    async def run() -> None:
        async for figure in figures(quick=arguments.quick):
            print(json.dumps(vars(figure)) if arguments.json else readable(figure), flush=True)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


def readable(figure: Figure) -> str:
    """A line for people."""
    return (
        f"{figure.figure:52} ours {figure.ours:9.4g}  peer {figure.peer:9.4g} {figure.unit:8} "
        f"{figure.ratio:6.2f}x (target {figure.target:g}x)"
    )


async def figures(*, quick: bool) -> AsyncIterator[Figure]:
    """Every figure, as soon as it is known."""
    with s3_server() as s3, tempfile.TemporaryDirectory(prefix="labelmill-bench-") as folder:
        async with serving(Path(folder) / "s3", s3_settings(s3)) as server:
            sizes = [(8, 10), (64, 3)] if quick else [(8, 20), (64, 6), (1024, 1)]
            for size, count in sizes:
                async for figure in large(server, s3, size * MB, count):
                    yield figure
            async for figure in small(server, s3, 1000 if quick else 4000):
                yield figure
        async with serving(Path(folder) / "large", s3_settings(s3)) as server:
            yield await memory(server, s3, (64 if quick else 1024) * MB)
        async for figure in importing(Path(folder), 5_000 if quick else 100_000):
            yield figure


async def large(server: Server, s3: S3Server, size: int, count: int) -> AsyncIterator[Figure]:
    """Large objects, one at a time, up and down; ours and the SDK's take turns."""
    client, name = sdk(s3, 1), f"{size // MB} MB"
    ours_up = ours_down = url_down = peer_up = peer_down = 0.0
    for _ in range(count):
        content = fresh(size)
        seconds, asset = await timed(upload(server, content))
        ours_up += seconds
        ours_down += (await timed(download(server, asset.name, size)))[0]
        url_down += (await timed(download_by_url(server, asset.name, size)))[0]
        path = f"peer/{secrets.token_hex(8)}"
        peer_up += clocked(partial(sdk_put, client, path, content))
        peer_down += clocked(partial(sdk_get, client, path))
        empty(s3)
    moved = size * count / 1e6
    yield better(f"upload of {name}", moved / ours_up, moved / peer_up, "MB/s", 0.8)
    yield better(f"download of {name}", moved / ours_down, moved / peer_down, "MB/s", 0.8)
    yield better(f"download of {name} by URL", moved / url_down, moved / peer_down, "MB/s", 0.8)


async def small(server: Server, s3: S3Server, count: int) -> AsyncIterator[Figure]:
    """Objects of 4 KB, many at a time."""
    client = sdk(s3, AT_ONCE)
    contents = [secrets.token_bytes(4096) for _ in range(count)]
    paths = [f"peer/{number}" for number in range(count)]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        put = clocked(lambda: list(threads.map(partial(sdk_put, client), paths, contents)))
        got = clocked(lambda: list(threads.map(partial(sdk_get, client), paths)))
    seconds, assets = await timed(at_once([partial(upload, server, c) for c in contents]))
    yield better("upload of 4 KB, UploadAsset", count / seconds, count / put, "ops/s", 0.6)
    names = [asset.name for asset in assets]
    seconds, _ = await timed(at_once([partial(download, server, n, size=4096) for n in names]))
    yield better("download of 4 KB, DownloadAsset", count / seconds, count / got, "ops/s", 0.6)
    batches = [[secrets.token_bytes(4096) for _ in range(100)] for _ in range(count // 100)]
    seconds, named = await timed(at_once([partial(create_batch, server, b) for b in batches]))
    yield better("upload of 4 KB, BatchCreateAssets of 100", count / seconds, count / put, "ops/s", 0.6)
    seconds, _ = await timed(at_once([partial(read_batch, server, n) for n in named]))
    yield better("download of 4 KB, BatchReadAssets of 100", count / seconds, count / got, "ops/s", 0.6)
    empty(s3)


async def memory(server: Server, s3: S3Server, size: int) -> Figure:
    """What a server that was just started takes while many large uploads run at once."""
    block = secrets.token_bytes(CHUNK)
    with watched(server.process.pid) as most:
        await asyncio.gather(*(upload_stream(server, block, size // CHUNK) for _ in range(UPLOADS_AT_ONCE)))
    empty(s3)
    name = f"server memory, {UPLOADS_AT_ONCE} uploads of {size // MB} MB at once"
    return Figure(name, most[0] / MB, MEMORY_MB, "MB", MEMORY_MB * MB / most[0], 1.0)


async def importing(folder: Path, count: int) -> AsyncIterator[Figure]:
    """A folder of small texts, twice."""
    source = folder / "texts"
    write_texts(source, count)
    async with serving(folder / "local", {"LABELMILL_STORAGE_IMPORT_ROOTS": str(folder)}) as server:
        stub = imports_service_pb2_grpc.ImportServiceStub(server.channel)
        place = imports.Source(folder=imports.Source.Folder(path=str(source)))
        request = imports.CreateSourceRequest(parent=PARENT, source_id="texts", source=place)
        await stub.CreateSource(request, metadata=server.metadata)
        first, summary = await timed(run_import(server, stub))
        check(summary.created_count, count)
        second, summary = await timed(run_import(server, stub))
        check(summary.unchanged_count, count)
    yield Figure(f"import of {count:,} texts", count / first, FILES_PER_S, "files/s", count / first / FILES_PER_S, 1.0)
    yield Figure("second import (peer: the first)", second, first, "s", first / second, 10.0)


async def run_import(server: Server, stub: Any) -> imports.ImportSummary:
    """Runs an import to its end."""
    request = imports.RunImportRequest(name=f"{PARENT}/sources/texts")
    operation = await stub.RunImport(request, metadata=server.metadata)
    waiting = operations_pb2_grpc.OperationsStub(server.channel)
    while not operation.done:
        wait = operations_pb2.WaitOperationRequest(name=operation.name)
        wait.timeout.seconds = 30
        operation = await waiting.WaitOperation(wait, metadata=server.metadata)
    summary = imports.ImportSummary()
    if not operation.response.Unpack(summary):
        raise SystemExit(f"the import failed with code {operation.error.code}")
    return summary


async def upload(server: Server, content: bytes) -> resources_pb2.Asset:
    """UploadAsset of bytes that are at hand."""

    def parts() -> Iterator[service_pb2.UploadAssetRequest]:
        yield service_pb2.UploadAssetRequest(header=_header(len(content)))
        for start in range(0, len(content), CHUNK):
            yield service_pb2.UploadAssetRequest(chunk=content[start : start + CHUNK])
        yield service_pb2.UploadAssetRequest(sha256=hashlib.sha256(content).hexdigest())

    asset: resources_pb2.Asset = await server.stub.UploadAsset(parts(), metadata=server.metadata)
    return asset


async def upload_stream(server: Server, block: bytes, blocks: int) -> None:
    """UploadAsset of more than this process wants to hold: a head of its own, then one block over and over."""

    async def parts() -> AsyncIterator[service_pb2.UploadAssetRequest]:
        digest, head = hashlib.sha256(), secrets.token_bytes(CHUNK)
        yield service_pb2.UploadAssetRequest(header=_header(blocks * CHUNK))
        for chunk in itertools.chain([head], itertools.repeat(block, blocks - 1)):
            digest.update(chunk)
            yield service_pb2.UploadAssetRequest(chunk=chunk)
        yield service_pb2.UploadAssetRequest(sha256=digest.hexdigest())

    await server.stub.UploadAsset(parts(), metadata=server.metadata)


async def download(server: Server, name: str, size: int) -> None:
    """DownloadAsset."""
    request = service_pb2.DownloadAssetRequest(name=name, zone=RAW)
    answers = server.stub.DownloadAsset(request, metadata=server.metadata)
    check(sum([len(answer.chunk) async for answer in answers]), size)


async def download_by_url(server: Server, name: str, size: int) -> None:
    """CreateDownloadUrl, and a GET."""
    request = service_pb2.CreateDownloadUrlRequest(name=name, zone=RAW)
    made = await server.stub.CreateDownloadUrl(request, metadata=server.metadata)

    def get() -> int:
        response = urllib3.request(made.method, made.url, headers=dict(made.headers), preload_content=False)
        return sum(len(chunk) for chunk in response.stream(CHUNK))

    check(await asyncio.to_thread(get), size)


async def create_batch(server: Server, contents: Sequence[bytes]) -> list[str]:
    """BatchCreateAssets; returns the assets' names."""
    items = [service_pb2.BatchCreateAssetsRequest.Item(content=content) for content in contents]
    request = service_pb2.BatchCreateAssetsRequest(parent=PARENT, items=items)
    answer = await server.stub.BatchCreateAssets(request, metadata=server.metadata)
    check(sum(result.status.code for result in answer.results), 0)
    return [result.asset.name for result in answer.results]


async def read_batch(server: Server, names: Sequence[str]) -> None:
    """BatchReadAssets."""
    request = service_pb2.BatchReadAssetsRequest(parent=PARENT, names=names, zone=RAW)
    answer = await server.stub.BatchReadAssets(request, metadata=server.metadata)
    check(sum(len(result.content) for result in answer.results), 4096 * len(names))


async def at_once(calls: Sequence[Callable[[], Awaitable[Any]]]) -> list[Any]:
    """All calls, some of them at a time; their answers in order."""
    answers: list[Any] = [None] * len(calls)
    queue = iter(enumerate(calls))

    async def work() -> None:
        for number, call in queue:
            answers[number] = await call()

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return answers


@asynccontextmanager
async def serving(data_dir: Path, variables: dict[str, str]) -> AsyncIterator[Server]:
    """Starts a storage service and stops it."""
    process, key = start(data_dir, variables)
    assert process.stdout is not None
    try:
        port = (await asyncio.to_thread(process.stdout.readline)).strip()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = service_pb2_grpc.StorageServiceStub(channel)
            yield Server(stub, channel, [("authorization", f"Bearer {key}")], process)
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 30)


def start(data_dir: Path, variables: dict[str, str]) -> tuple[subprocess.Popen[str], str]:
    """The service as a process, which prints its port, and an API key for it."""
    data_dir.mkdir()
    key = create_key(data_dir / "keys.json", "bench", [Grant(Role.SERVICE, "*")])
    command = [sys.executable, "-m", "tests.storage.serve_alone", str(data_dir)]
    return subprocess.Popen(command, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True), key


@contextmanager
def watched(pid: int) -> Iterator[list[int]]:
    """Notes the most memory (RSS) that a process and its children hold together meanwhile, in bytes."""
    most, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            most[0] = max(most[0], sum(rss(one) for one in (pid, *children(pid))))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield most
    finally:
        over.set()
        thread.join()


def children(pid: int) -> list[int]:
    """The child processes of a process, and theirs."""
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [one for child in map(int, listed) for one in (child, *children(child))]


def rss(pid: int) -> int:
    """The memory of a process in bytes; 0 for one that has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except FileNotFoundError:
        return 0


def s3_settings(s3: S3Server) -> dict[str, str]:
    """The service's settings for an S3 server."""
    settings = {
        "OBJECT_STORE": "minio",
        "MINIO_ENDPOINT": s3.endpoint,
        "MINIO_SECURE": "false",
        "RAW_ACCESS_KEY": s3.raw.access_key,
        "RAW_SECRET_KEY": s3.raw.secret_key,
        "CLEAN_ACCESS_KEY": s3.clean.access_key,
        "CLEAN_SECRET_KEY": s3.clean.secret_key,
    }
    return {f"LABELMILL_STORAGE_{name}": value for name, value in settings.items()}


def sdk(s3: S3Server, threads: int) -> Minio:
    """The bare SDK."""
    http = urllib3.PoolManager(maxsize=threads)
    return Minio(s3.endpoint, s3.raw.access_key, s3.raw.secret_key, secure=False, region="us-east-1", http_client=http)


def sdk_put(client: Minio, path: str, content: bytes) -> None:
    """One object up."""
    client.put_object(RAW_BUCKET, path, io.BytesIO(content), len(content))


def sdk_get(client: Minio, path: str) -> None:
    """One object down."""
    response = client.get_object(RAW_BUCKET, path)
    for _ in response.stream(CHUNK):
        pass
    response.release_conn()


def empty(s3: S3Server) -> None:
    """Removes all objects, for the disk is finite."""
    client = s3.client(s3.admin)
    for bucket in (RAW_BUCKET, CLEAN_BUCKET):
        listed = client.list_objects(bucket, recursive=True)
        for error in client.remove_objects(bucket, (DeleteObject(str(found.object_name)) for found in listed)):
            raise SystemExit(f"an object could not be removed: {error.code}")


def write_texts(folder: Path, count: int) -> None:
    """Small texts, no two alike, a thousand in each folder."""
    for number in range(count):
        if number % 1000 == 0:
            (folder / f"{number // 1000:03}").mkdir(parents=True)
        text = f"Report {number}: the train from {number % 97} to {number % 89} was on time. " * (1 + number % 9)
        (folder / f"{number // 1000:03}" / f"{number}.txt").write_text(text)


def fresh(size: int) -> bytes:
    """Bytes that are in no store yet."""
    block = secrets.token_bytes(MB)
    return b"".join(number.to_bytes(8, "big") + block[8:] for number in range(size // MB))


async def timed(work: Awaitable[Any]) -> tuple[float, Any]:
    """The seconds that it took, and what it gave."""
    start = time.perf_counter()
    result = await work
    return time.perf_counter() - start, result


def clocked(work: Callable[[], Any]) -> float:
    """The seconds that it took."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def check(found: int, expected: int) -> None:
    """Ends the run when an answer is wrong."""
    if found != expected:
        raise SystemExit(f"{found} instead of {expected}")


def better(name: str, ours: float, peer: float, unit: str, target: float) -> Figure:
    """A figure of which more is better."""
    return Figure(name, ours, peer, unit, ours / peer, target)


def _header(size: int) -> service_pb2.UploadAssetRequest.Header:
    return service_pb2.UploadAssetRequest.Header(parent=PARENT, size_bytes=size, media_type="application/octet-stream")


if __name__ == "__main__":
    main()
