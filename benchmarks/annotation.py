"""How many tasks a second: created, then leased and submitted by twenty labelers at once, then read and exported.

The server is a process of its own with stand-ins for storage and prelabel; the labelers talk to it over a socket.

    python -m benchmarks.annotation [--quick] [--json] [--postgresql]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import uvloop

import labelmill.aio
from labelmill.annotation.v1 import resources_pb2, service_pb2
from tests.annotation.fakes import asset_ids
from tests.annotation.mill import item, sentiment, sentiment_ontology
from tests.support.postgres import postgres_server

ROOT = Path(__file__).resolve().parents[1]
PARENT = "projects/p-bench"
LABELERS, LEASE, COPIES = 20, 50, 3


@contextmanager
def served(database_url: str | None) -> Iterator[str]:
    """A server process; yields its address."""
    with tempfile.TemporaryDirectory() as data_dir:
        env = {name: value for name, value in os.environ.items() if not name.startswith("LABELMILL_")}
        env |= {"LABELMILL_DATA_DIR": data_dir, "LABELMILL_PORT": "0"}
        if database_url:
            env["LABELMILL_DATABASE_URL"] = database_url
        command = [sys.executable, "-m", "tests.annotation.server_process"]
        with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            try:
                yield f"127.0.0.1:{int(process.stdout.readline())}"
            finally:
                process.kill()


def client(address: str, who: str) -> labelmill.aio.Client:
    """A caller."""
    return labelmill.aio.Client(address, f"lm_{who}", timeout_s=120)


async def create(address: str, assets: int) -> float:
    """Tasks created a second; a tenth of what is labelled later are benchmarks."""
    plan = resources_pb2.QualityPlan(benchmark_share=0.1, labels_per_asset=COPIES)
    project = resources_pb2.Project(ontology=sentiment_ontology(), quality_plan=plan)
    async with client(address, "owner") as owner, client(address, "manager") as manager:
        await owner.projects.create_project(service_pb2.CreateProjectRequest(project_id="p-bench", project=project))
        gold = [
            resources_pb2.Benchmark(asset=f"{PARENT}/assets/{asset}", purpose=1, annotations=[sentiment()])
            for asset in asset_ids(200, start=10**6)
        ]
        await manager.annotations.batch_create_benchmarks(
            service_pb2.BatchCreateBenchmarksRequest(parent=PARENT, benchmarks=gold)
        )
        begun = time.perf_counter()
        for start in range(0, assets, 1000):
            ids = asset_ids(min(1000, assets - start), start=start)
            names = [f"{PARENT}/assets/{asset}" for asset in ids]
            await manager.tasks.batch_create_tasks(service_pb2.BatchCreateTasksRequest(parent=PARENT, assets=names))
        return assets * COPIES / (time.perf_counter() - begun)


async def label(address: str, waits: list[float]) -> float:
    """Tasks leased and submitted a second by all labelers together."""

    async def work(number: int) -> int:
        done = 0
        async with client(address, f"annotator-{number}") as labeler:
            while True:
                begun = time.perf_counter()
                lease = service_pb2.LeaseTasksRequest(parent=PARENT, max_tasks=LEASE)
                tasks = (await labeler.tasks.lease_tasks(lease)).tasks
                waits.append(time.perf_counter() - begun)
                if not tasks:
                    return done
                request = service_pb2.BatchSubmitTasksRequest(parent=PARENT, items=[item(task) for task in tasks])
                results = (await labeler.tasks.batch_submit_tasks(request)).results
                assert all(result.status.code == 0 for result in results)
                done += len(results)

    begun = time.perf_counter()
    done = sum(await asyncio.gather(*(work(number) for number in range(LABELERS))))
    return done / (time.perf_counter() - begun)


async def read(address: str) -> tuple[float, float, float]:
    """Annotations listed and exported a second, and projects read a second."""
    async with client(address, "manager") as manager:
        begun = time.perf_counter()
        request = service_pb2.ListAnnotationsRequest(parent=PARENT, page_size=1000)
        listed = [1 async for _ in manager.annotations.list_annotations(request)]
        listing = len(listed) / (time.perf_counter() - begun)
        begun, lines = time.perf_counter(), 0
        async for part in manager.annotations.export_annotations(service_pb2.ExportAnnotationsRequest(parent=PARENT)):
            lines += part.line_count
        exporting = lines / (time.perf_counter() - begun)
        begun = time.perf_counter()
        for _ in range(300):
            await manager.projects.get_project(service_pb2.GetProjectRequest(name=PARENT))
        return listing, exporting, 300 / (time.perf_counter() - begun)


async def measure(address: str, assets: int) -> list[tuple[str, float, str]]:
    """All figures."""
    waits: list[float] = []
    created = await create(address, assets)
    labelled = await label(address, waits)
    waits.sort()
    listed, exported, projects = await read(address)
    return [
        ("tasks created", created, "tasks/s"),
        (f"tasks leased and submitted, {LABELERS} labelers, {LEASE} a call", labelled, "tasks/s"),
        ("wait for a lease, median", waits[len(waits) // 2] * 1000, "ms"),
        ("wait for a lease, 99 %", waits[int(len(waits) * 0.99)] * 1000, "ms"),
        ("annotations listed, 1000 a page", listed, "annotations/s"),
        ("annotations exported as JSON lines", exported, "annotations/s"),
        ("projects read, one call after another", projects, "calls/s"),
    ]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description="Tasks a second of the annotation service.")
    parser.add_argument("--quick", action="store_true", help="1,000 assets instead of 10,000, three labels each")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--postgresql", action="store_true", help="on PostgreSQL instead of SQLite")
    options = parser.parse_args()
    database = postgres_server() if options.postgresql else nullcontext(None)
    with database as url, served(url) as address, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        figures = runner.run(measure(address, 1_000 if options.quick else 10_000))
    store = "PostgreSQL" if options.postgresql else "SQLite"
    for figure, ours, unit in figures:
        if options.json:
            line = {"figure": f"{figure} ({store})", "ours": round(ours, 1), "peer": None, "unit": unit}
            print(json.dumps(line | {"ratio": None, "target": None}))
        else:
            print(f"{figure:62} {ours:10.1f} {unit} ({store})")


if __name__ == "__main__":
    main()
