"""What a user of our SDK gets beside the bare minio SDK, on the same S3 server, in the same run; imports; memory.

    python -m benchmarks.storage [--quick] [--json]

Speed: the same bytes go up and down through `client.storage.upload` and `download`, as anybody would call them, and
through the minio SDK's put_object and get_object. Ours is checked, recorded, and durable when it is acknowledged, by a
service in a process of its own; what comes down is compared with its SHA-256. The minio SDK does none of that. Client,
service and S3 server share this machine's cores. Our SDK sends large objects by URL past the service, and gathers small
ones that are under way at the same moment; lines without a target show the ways that it does not choose: gRPC streams,
a call for each object, and a caller who makes batches. Large objects one at a time, small ones 32 at a time (the minio
SDK in as many threads); both end with the content in memory.
Memory: the most that the server and its children hold while 20 uploads of 1 GB run at once, from files with holes.
Import: small text files from a folder into the local store, on SQLite; then the same folder again.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import itertools
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import urllib3
import uvloop
from minio import Minio
from minio.deleteobjects import DeleteObject

from benchmarks.process_memory import watched
from labelmill._uploading import Via
from labelmill.aio import Client
from labelmill.storage.v1 import imports_service_pb2 as imports
from labelmill.storage.v1 import resources_pb2, service_pb2
from labelmill_runtime.access import create_key
from labelmill_runtime.principal import Grant, Role
from tests.support.s3 import CLEAN_BUCKET, RAW_BUCKET, S3Server, s3_server

PARENT = "projects/news"  # the project that tests.storage.serve_alone knows
MB = 1024 * 1024
AT_ONCE = 32
UPLOADS_AT_ONCE = 20
MEMORY_MB = 200
FILES_PER_S = 2000
RAW = resources_pb2.ZONE_RAW
BINARY = "application/octet-stream"
WAYS: Final[list[tuple[Via, str]]] = [("auto", ""), ("stream", ", a call for each")]
OURS: Final[dict[str, Via]] = {"": "auto", ", gRPC stream": "stream"}
PEER = "peer"
ROUNDS = 4


@dataclass(frozen=True)
class Figure:
    """One line of the outcome."""

    figure: str
    ours: float
    peer: float
    unit: str
    ratio: float
    target: float | None
    """None: for comparison alone."""


@dataclass(frozen=True)
class Server:
    """A storage service in a process of its own, and how to call it."""

    client: Client
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
        f"{figure.figure:60} ours {figure.ours:9.4g}  peer {figure.peer:9.4g} {figure.unit:8} "
        f"{figure.ratio:6.2f}x {'' if figure.target is None else f'(target {figure.target:g}x)'}"
    )


async def figures(*, quick: bool) -> AsyncIterator[Figure]:
    """Every figure, as soon as it is known."""
    with s3_server() as s3, tempfile.TemporaryDirectory(prefix="labelmill-bench-") as folder:
        async with serving(Path(folder) / "s3", s3_settings(s3)) as server:
            sizes = [(8, 12), (64, 6)] if quick else [(8, 24), (64, 6), (1024, 6)]
            for size, count in sizes:
                async for figure in large(server, s3, size * MB, count):
                    yield figure
            async for figure in small(server, s3, 800 if quick else 4000):
                yield figure
        for way in ("auto", "stream"):
            async with serving(Path(folder) / f"large-{way}", s3_settings(s3)) as server:
                yield await memory(server, s3, (64 if quick else 1024) * MB, Path(folder), way)
        async for figure in importing(Path(folder), 5_000 if quick else 100_000):
            yield figure


async def large(server: Server, s3: S3Server, size: int, count: int) -> AsyncIterator[Figure]:
    """Large objects, one at a time, up and down; the ways take turns in every order."""
    storage, client, name = server.client.storage, sdk(s3, 1), f"{size // MB} MB"

    async def up(way: str, content: bytes) -> str:
        if way == PEER:
            path = f"peer/{secrets.token_hex(8)}"
            await asyncio.to_thread(sdk_put, client, path, content)
            return path
        return (await storage.upload(PARENT, content, media_type=BINARY, via=OURS[way])).name

    async def down(way: str, place: str) -> bytes:
        if way == PEER:
            return await asyncio.to_thread(sdk_get, client, place)
        return await storage.download(place, zone=RAW, via=OURS[way])

    ways = [*OURS, PEER]
    orders = list(itertools.permutations(ways))  # none is always the first, or always after the same one
    for way in ways:  # connections are opened and libraries loaded when they are first needed: that is not counted
        await down(way, await up(way, fresh(9 * MB)))
    spent_up, spent_down = dict.fromkeys(ways, 0.0), dict.fromkeys(ways, 0.0)
    for turn in range(count):
        contents = {way: fresh(size) for way in orders[turn % len(orders)]}
        places: dict[str, str] = {}
        for way, content in contents.items():
            seconds, places[way] = await timed(up(way, content))
            spent_up[way] += seconds
        for way, content in contents.items():
            seconds, found = await timed(down(way, places[way]))
            spent_down[way] += seconds
            check(found == content, True)
        empty(s3)
    moved = size * count / 1e6
    for way, target in (("", 0.8), (", gRPC stream", None)):
        yield better(f"upload of {name}{way}", moved / spent_up[way], moved / spent_up[PEER], "MB/s", target)
        yield better(f"download of {name}{way}", moved / spent_down[way], moved / spent_down[PEER], "MB/s", target)


async def small(server: Server, s3: S3Server, count: int) -> AsyncIterator[Figure]:
    """Objects of 4 KB, many at a time; all ways take turns."""
    rounds = [await small_round(server, sdk(s3, AT_ONCE), count // ROUNDS) for _ in range(ROUNDS)]
    speed = {what: count / sum(spent[what] for spent in rounds) for what in rounds[0]}
    for told, target in (("", 0.6), (", a call for each", None), (", the caller's own batches of 100", None)):
        yield better(f"upload of 4 KB{told}", speed[f"up{told}"], speed["peer up"], "ops/s", target)
        yield better(f"download of 4 KB{told}", speed[f"down{told}"], speed["peer down"], "ops/s", target)
    empty(s3)


async def small_round(server: Server, client: Minio, count: int) -> dict[str, float]:
    """Seconds that each way takes for so many objects up, and down again."""
    storage, spent = server.client.storage, dict[str, float]()
    contents = [secrets.token_bytes(4096) for _ in range(count)]
    paths = [f"peer/{secrets.token_hex(8)}" for _ in range(count)]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        spent["peer up"] = clocked(lambda: list(threads.map(partial(sdk_put, client), paths, contents)))
        spent["peer down"] = clocked(lambda: list(threads.map(partial(sdk_get, client), paths)))
    for way, told in WAYS:
        ours = [secrets.token_bytes(4096) for _ in range(count)]
        spent[f"up{told}"], assets = await timed(at_once([partial(storage.upload, PARENT, it, via=way) for it in ours]))
        reads = [partial(storage.download, asset.name, zone=RAW, via=way) for asset in assets]
        spent[f"down{told}"], _ = await timed(at_once(reads))
    many, told = [secrets.token_bytes(4096) for _ in range(count)], ", the caller's own batches of 100"
    cut = [many[start : start + 100] for start in range(0, count, 100)]
    spent[f"up{told}"], named = await timed(at_once([partial(create_batch, server, batch) for batch in cut]))
    spent[f"down{told}"], _ = await timed(at_once([partial(read_batch, server, names) for names in named]))
    return spent


async def memory(server: Server, s3: S3Server, size: int, folder: Path, way: Via) -> Figure:
    """What a server that was just started takes while many large uploads run at once."""
    paths = [sparse(folder / f"{number}", size) for number in range(UPLOADS_AT_ONCE)]
    uploads = [server.client.storage.upload(PARENT, path, media_type=BINARY, via=way) for path in paths]
    with watched(server.process.pid) as most:
        await asyncio.gather(*uploads)
    for path in paths:
        path.unlink()
    empty(s3)
    told = ", gRPC streams" if way == "stream" else ""
    name = f"server memory, {UPLOADS_AT_ONCE} uploads of {size // MB} MB at once{told}"
    return Figure(name, most[0] / MB, MEMORY_MB, "MB", MEMORY_MB * MB / most[0], 1.0)


async def importing(folder: Path, count: int) -> AsyncIterator[Figure]:
    """A folder of small texts, twice."""
    source = folder / "texts"
    write_texts(source, count)
    async with serving(folder / "local", {"LABELMILL_STORAGE_IMPORT_ROOTS": str(folder)}) as server:
        place = imports.Source(folder=imports.Source.Folder(path=str(source)))
        request = imports.CreateSourceRequest(parent=PARENT, source_id="texts", source=place)
        await server.client.imports.create_source(request)
        first, summary = await timed(run_import(server))
        check(summary.created_count, count)
        second, summary = await timed(run_import(server))
        check(summary.unchanged_count, count)
    yield Figure(f"import of {count:,} texts", count / first, FILES_PER_S, "files/s", count / first / FILES_PER_S, 1.0)
    yield Figure("second import (peer: the first)", second, first, "s", first / second, 10.0)


async def run_import(server: Server) -> imports.ImportSummary:
    """Runs an import to its end."""
    operation = await server.client.imports.run_import(imports.RunImportRequest(name=f"{PARENT}/sources/texts"))
    return await operation.result()


async def create_batch(server: Server, contents: Sequence[bytes]) -> list[str]:
    """BatchCreateAssets; returns the assets' names."""
    items = [service_pb2.BatchCreateAssetsRequest.Item(content=content) for content in contents]
    request = service_pb2.BatchCreateAssetsRequest(parent=PARENT, items=items)
    answer = await server.client.storage.batch_create_assets(request)
    check(sum(result.status.code for result in answer.results), 0)
    return [result.asset.name for result in answer.results]


async def read_batch(server: Server, names: Sequence[str]) -> None:
    """BatchReadAssets."""
    request = service_pb2.BatchReadAssetsRequest(parent=PARENT, names=names, zone=RAW)
    answer = await server.client.storage.batch_read_assets(request)
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
        async with Client(f"127.0.0.1:{port}", key) as client:
            yield Server(client, process)
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 30)


def start(data_dir: Path, variables: dict[str, str]) -> tuple[subprocess.Popen[str], str]:
    """The service as a process, which prints its port, and an API key for it."""
    data_dir.mkdir()
    key = create_key(data_dir / "keys.json", "bench", [Grant(Role.SERVICE, "*")])
    command = [sys.executable, "-m", "tests.storage.serve_alone", str(data_dir)]
    return subprocess.Popen(command, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True), key


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


def sdk_get(client: Minio, path: str) -> bytes:
    """One object down."""
    response = client.get_object(RAW_BUCKET, path)
    try:
        return bytes(response.read())
    finally:
        response.close()
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


def sparse(path: Path, size: int) -> Path:
    """A file whose beginning is in no store yet; the rest is a hole, which takes no disk."""
    path.write_bytes(secrets.token_bytes(MB))
    os.truncate(path, size)
    return path


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


def better(name: str, ours: float, peer: float, unit: str, target: float | None) -> Figure:
    """A figure of which more is better."""
    return Figure(name, ours, peer, unit, ours / peer, target)


if __name__ == "__main__":
    main()
