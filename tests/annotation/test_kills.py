"""SIGKILL while labelers submit: what was acknowledged is there after the restart, once."""

import asyncio
import os
import random
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import labelmill.aio
from labelmill import errors
from labelmill._retry import Retry
from labelmill.annotation.v1 import resources_pb2, service_pb2
from tests.annotation.fakes import asset_ids
from tests.annotation.mill import item, sentiment, sentiment_ontology

ROOT = Path(__file__).resolve().parents[2]
PARENT = "projects/p-one"
ASSETS, COPIES, LABELERS, KILLS = 150, 3, 6, 4
AWAY = (errors.Unavailable, errors.Cancelled, errors.DeadlineExceeded, errors.UnknownError)


@contextmanager
def served(data_dir: Path, database_url: str | None) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A server process and its address; killed at the end, at the latest."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("LABELMILL_")}
    env |= {"LABELMILL_DATA_DIR": str(data_dir), "LABELMILL_PORT": "0"}
    if database_url:
        env["LABELMILL_DATABASE_URL"] = database_url
    command = [sys.executable, "-m", "tests.annotation.server_process"]
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield process, f"127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def client(address: str, who: str) -> labelmill.aio.Client:
    return labelmill.aio.Client(address, f"lm_{who}", retry=Retry(max_attempts=1), timeout_s=10)


async def prepare(address: str) -> None:
    plan = resources_pb2.QualityPlan(labels_per_asset=COPIES, benchmark_share=0.1)
    plan.lease_duration.FromSeconds(1)
    project = resources_pb2.Project(ontology=sentiment_ontology(), quality_plan=plan)
    async with client(address, "owner") as owner, client(address, "manager") as manager:
        await owner.projects.create_project(service_pb2.CreateProjectRequest(project_id="p-one", project=project))
        names = [f"{PARENT}/assets/{asset}" for asset in asset_ids(ASSETS)]
        await manager.tasks.batch_create_tasks(service_pb2.BatchCreateTasksRequest(parent=PARENT, assets=names))
        gold = [
            resources_pb2.Benchmark(asset=f"{PARENT}/assets/{asset}", purpose=1, annotations=[sentiment()])
            for asset in asset_ids(20, start=1000)
        ]
        await manager.annotations.batch_create_benchmarks(
            service_pb2.BatchCreateBenchmarksRequest(parent=PARENT, benchmarks=gold)
        )


async def label(address: str, who: str, pending: dict[str, bytes], acknowledged: dict[str, str]) -> bool:
    """Labels until nothing is left (True) or the server is gone (False).

    A submission whose answer never came is sent again, with its request id, to the next server.
    """
    async with client(address, who) as labeler:
        try:
            while True:
                if who in pending:
                    request = service_pb2.BatchSubmitTasksRequest.FromString(pending[who])
                    response = await labeler.tasks.batch_submit_tasks(request)
                    del pending[who]
                    for result in response.results:
                        if result.status.code == 0:
                            assert result.task not in acknowledged
                            acknowledged[result.task] = result.annotations[0]
                lease = service_pb2.LeaseTasksRequest(parent=PARENT, max_tasks=random.randint(1, 9))
                tasks = (await labeler.tasks.lease_tasks(lease)).tasks
                if not tasks:
                    return True
                request = service_pb2.BatchSubmitTasksRequest(
                    parent=PARENT, items=[item(task) for task in tasks], request_id=str(uuid.uuid4())
                )
                pending[who] = request.SerializeToString()
        except AWAY:
            return False


@pytest.mark.timeout(120)
async def test_every_acknowledged_annotation_survives_kills_and_none_is_doubled(
    tmp_path: Path, database_url: str | None
) -> None:
    pending: dict[str, bytes] = {}
    acknowledged: dict[str, str] = {}
    labelers = [f"annotator-{number}" for number in range(LABELERS)]
    for round_number in range(KILLS + 1):
        with served(tmp_path, database_url) as (process, address):
            if round_number == 0:
                await prepare(address)
            work = [asyncio.create_task(label(address, who, pending, acknowledged)) for who in labelers]
            if round_number < KILLS:
                await asyncio.sleep(random.uniform(0.05, 0.25))
                process.kill()
                await asyncio.gather(*work)
                continue
            while not all(await asyncio.gather(*work)) or await _open(address):
                await asyncio.sleep(0.3)  # leases that died with a server end after a second
                work = [asyncio.create_task(label(address, who, pending, acknowledged)) for who in labelers]
            await _check(address, acknowledged)


async def _open(address: str) -> int:
    async with client(address, "manager") as manager:
        request = service_pb2.GetTaskStatisticsRequest(parent=PARENT, filter="state = AVAILABLE OR state = LEASED")
        return (await manager.tasks.get_task_statistics(request)).total_count


async def _check(address: str, acknowledged: dict[str, str]) -> None:
    async with client(address, "manager") as manager:
        listing = manager.annotations.list_annotations(service_pb2.ListAnnotationsRequest(parent=PARENT))
        kept = [annotation async for annotation in listing]
        assert {annotation.task: annotation.name for annotation in kept} == acknowledged
        assert len(kept) == len(acknowledged)
        request = service_pb2.GetTaskStatisticsRequest(parent=PARENT, filter="state = SUBMITTED AND kind = LABEL")
        assert (await manager.tasks.get_task_statistics(request)).total_count == ASSETS * COPIES
        pairs = {(annotation.asset, annotation.provenance.human.labeler) for annotation in kept}
        assert len(pairs) == len(kept)
