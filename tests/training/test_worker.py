"""Jobs with real worker processes: what they make, and what happens when something kills them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from labelmill import errors
from labelmill.training.v1 import resources_pb2, service_pb2
from labelmill_training.adapters.worker_process import WorkerProcesses
from labelmill_training.errors import TrainingCrashed
from labelmill_training.job_folder import Inputs, JobFolder, Spec
from labelmill_training.lifeline import FLAG
from tests.training.conftest import MODEL, create_request, serving
from tests.training.fakes import CLASSES, embedding_of

pytestmark = pytest.mark.timeout(120)


def filled_folder(path: Path) -> JobFolder:
    folder = JobFolder(path)
    rows = np.stack([embedding_of(f"a-{number}") for number in range(60)])
    targets = np.eye(3)[np.arange(40) % 3]
    spec = Spec("frozen_embedding_classifier", 0.01, False, False, 0, "tone", CLASSES, "encoders/e@1", "0" * 64)
    folder.write_inputs(spec, Inputs(rows[:40], targets, rows[40:], np.arange(40, 60) % 3))
    return folder


def workers() -> list[int]:
    """Worker processes that this process started."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1] if entry.name.isdigit() else ""
            if parent == str(os.getpid()) and b"labelmill_training.worker" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:  # it has ended meanwhile
            continue
    return found


async def worker() -> int:
    """The worker process, when there is one."""
    while not workers():
        await asyncio.sleep(0.02)
    return workers()[0]


async def test_whole_job_trains_exports_and_evaluates(tmp_path: Path) -> None:
    async with serving(tmp_path / "data") as training:
        job = await training.train(create_request(balance_classes=True))
        request = service_pb2.GetModelVersionRequest(name=job.model_version)
        version = await training.client.training.get_model_version(request)
        await training.client.training.promote_model_version(
            service_pb2.PromoteModelVersionRequest(name=version.name, min_accuracy=0.6)
        )
    evaluation = version.evaluation
    assert evaluation.accuracy.value > 0.6 > evaluation.majority_class_accuracy
    assert evaluation.accuracy.lower < evaluation.accuracy.value < evaluation.accuracy.upper
    assert evaluation.log_loss.value < np.log(3)
    assert sum(evaluation.confusion.counts) == 60
    assert any(library.startswith("torch 2.") for library in version.lineage.library_versions)
    assert version.lineage.l2_penalty > 0
    assert len(training.models.deployed[0].artifact) == version.artifact_size_bytes > 4000
    assert workers() == []


async def test_job_whose_worker_is_killed_starts_it_again(tmp_path: Path) -> None:
    async with serving(tmp_path / "data") as training:
        operation = await training.client.training.create_training_job(create_request())
        os.kill(await worker(), signal.SIGKILL)
        job = await operation.result(timeout_s=60)
    assert job.state == resources_pb2.TrainingJob.STATE_SUCCEEDED
    assert job.model_version == f"{MODEL}/versions/1"


async def test_cancelling_a_job_ends_its_worker_soon(tmp_path: Path) -> None:
    async with serving(tmp_path / "data") as training:
        operation = await training.client.training.create_training_job(create_request())
        await worker()
        started = time.monotonic()
        await operation.cancel()
        with pytest.raises(errors.Cancelled):
            await operation.result(timeout_s=20)
        assert workers() == []
        assert time.monotonic() - started < 3


async def test_worker_that_fails_by_itself_is_not_tried_again(tmp_path: Path) -> None:
    folder = filled_folder(tmp_path / "job")
    (folder.path / "inputs.npz").write_bytes(b"not an archive")
    trainer = WorkerProcesses(tmp_path / "encoder", train_timeout_s=60)
    with pytest.raises(TrainingCrashed) as failed:
        await trainer.train(folder, lambda stage, done, total: None)
    assert failed.value.metadata == {"exit_status": "1"}
    assert "Traceback" in folder.log.read_text()


async def test_worker_does_not_see_the_servers_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABELMILL_SERVICE_KEY", "lm_secret")
    task = asyncio.create_task(
        WorkerProcesses(tmp_path / "encoder", train_timeout_s=60).train(
            filled_folder(tmp_path / "job"), lambda stage, done, total: None
        )
    )
    environment = Path(f"/proc/{await worker()}/environ").read_bytes()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert b"PATH=" in environment
    assert b"lm_secret" not in environment


def test_worker_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    folder = filled_folder(tmp_path / "job")
    read_end, write_end = os.pipe()
    command = [sys.executable, "-m", "labelmill_training.worker", str(folder.path), FLAG]
    process = subprocess.Popen(command, stdin=read_end, stdout=subprocess.PIPE)
    os.close(read_end)
    assert process.stdout is not None
    assert b"starting" in process.stdout.readline()
    os.close(write_end)  # as the kernel does when a server is killed
    assert process.wait(timeout=5) == 1
    process.stdout.close()
    assert folder.result() is None
