"""Trainer: Python processes of their own, which end with this one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import structlog

from labelmill_runtime.errors import DeadlineExceeded
from labelmill_training.encoder import exported
from labelmill_training.errors import TrainingCrashed
from labelmill_training.job_folder import JobFolder
from labelmill_training.lifeline import FLAG
from labelmill_training.ports import EncoderFiles, StageProgress

_ATTEMPTS = 3
_EXPORT_TIMEOUT_S = 600.0
_EXPORT_REVISION = "1"
"""Raise it when the exported graph changes, so that old exports are not used."""


class WorkerProcesses:
    """Trains and exports in processes, one a job.

    Args:
        encoder_folder: Where the exported encoder is kept.
        train_timeout_s: After this a worker is ended.
    """

    def __init__(self, encoder_folder: Path, *, train_timeout_s: float) -> None:
        self._encoder_folder = encoder_folder / _EXPORT_REVISION
        self._train_timeout_s = train_timeout_s
        self._exporting = asyncio.Lock()

    async def export_encoder(self) -> EncoderFiles:
        """Exports once; every later call finds the files."""
        async with self._exporting:
            files = exported(self._encoder_folder)
            if files is None:
                self._encoder_folder.mkdir(parents=True, exist_ok=True)
                log = self._encoder_folder / "export.log"
                await _run("labelmill_training.encoder", self._encoder_folder, log, _EXPORT_TIMEOUT_S, _ignore)
                files = exported(self._encoder_folder)
        if files is None:
            raise TrainingCrashed(0)
        return files

    async def train(self, folder: JobFolder, progress: StageProgress) -> None:
        """Runs the worker; one that something kills is started again."""

        def heard(line: bytes) -> None:
            said = json.loads(line)
            progress(said["stage"], said["done"], said["total"])

        await _run("labelmill_training.worker", folder.path, folder.log, self._train_timeout_s, heard)


def _ignore(_line: bytes) -> None:
    """For processes whose output says nothing of use."""


async def _run(module: str, folder: Path, log: Path, timeout_s: float, heard: Callable[[bytes], None]) -> None:
    """Runs a module on a folder until it ends well.

    Raises:
        TrainingCrashed: It failed, or something killed it three times.
        DeadlineExceeded: It took too long.
    """
    status = 0
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            async with asyncio.timeout(timeout_s):
                status = await _run_once(module, folder, log, heard)
        except TimeoutError:
            message = "Training took longer than it may."
            raise DeadlineExceeded("TRAINING_TIMEOUT", message, metadata={"limit_s": f"{timeout_s:g}"}) from None
        if status == 0:
            return
        structlog.get_logger().warning("training.worker_ended", module=module, exit_status=status, attempt=attempt)
        if status > 0:  # its own failure, which it would repeat; a negative one is a signal's
            break
    raise TrainingCrashed(status)


async def _run_once(module: str, folder: Path, log: Path, heard: Callable[[bytes], None]) -> int:
    """Runs a module once; its process is gone when this returns or raises."""
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            str(folder),
            FLAG,
            stdin=asyncio.subprocess.PIPE,  # held open while this process lives
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            env=_environment(),
        )
    try:
        if process.stdout is not None:
            async for line in process.stdout:
                heard(line)
        return await process.wait()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _environment() -> dict[str, str]:
    """Ours, without Labelmill's keys and settings, and with one thread: servers run beside it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LABELMILL_")}
    return {**kept, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
