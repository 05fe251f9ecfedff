"""SIGKILL of the server in the middle of a job, at different stages; then a restart."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labelmill.aio import Client, Operation
from labelmill.training.v1 import resources_pb2, service_pb2
from labelmill_runtime.access import create_key
from labelmill_runtime.principal import Grant, Role
from tests.training.conftest import MODEL, create_request

pytestmark = pytest.mark.timeout(120)


@contextlib.contextmanager
def host(data_dir: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server process and its address."""
    command = [sys.executable, "-m", "tests.training.host", str(data_dir)]
    with (data_dir / "server.log").open("a") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert port, (data_dir / "server.log").read_text()[-3000:]
        yield process, f"127.0.0.1:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


async def happened(operation: Operation[Any, Any], artifacts: Path, moment: str) -> None:
    """Waits for the job's first batch of embeddings, or for a file in its folder."""
    while moment != "embedding" and not list(artifacts.rglob(moment)):
        await asyncio.sleep(0.002)
    while moment == "embedding" and not operation.metadata().progress.done_count:
        await operation.refresh()


@pytest.mark.parametrize("moment", ["embedding", "spec.json", "worker.log", "model.onnx", "result.json"])
async def test_job_survives_a_killed_server_and_registers_one_version(tmp_path: Path, moment: str) -> None:
    key = create_key(tmp_path / "keys.json", "tester", [Grant(Role.MANAGER, "*")])
    with host(tmp_path) as (process, address):
        async with Client(address, key) as client:
            operation = await client.training.create_training_job(create_request())
            await happened(operation, tmp_path / "artifacts", moment)
            process.kill()
    with host(tmp_path) as (_, address):
        async with Client(address, key) as client:
            job = await (await client.operation(operation.name)).result(timeout_s=60)
            assert isinstance(job, resources_pb2.TrainingJob)
            assert job.state == resources_pb2.TrainingJob.STATE_SUCCEEDED
            listing = client.training.list_model_versions(service_pb2.ListModelVersionsRequest(parent=MODEL))
            assert [version.name async for version in listing] == [job.model_version]
