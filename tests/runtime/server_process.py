"""The echo server as a real process that tests may kill."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc.aio

from tests.runtime.echo_protos import FOLDER, FOLDER_VARIABLE, echo_pb2_grpc

_ROOT = Path(__file__).resolve().parents[2]


@dataclass
class ServerProcess:
    process: subprocess.Popen[str]
    channel: grpc.aio.Channel
    stub: Any

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def ended(self, timeout_s: float) -> int:
        return await asyncio.to_thread(self.process.wait, timeout_s)


@asynccontextmanager
async def server_process(data_dir: Path, log: Path, **environment: str) -> AsyncIterator[ServerProcess]:
    """Starts the server on a free port and waits until it serves; kills what is left of it at the end."""
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(_ROOT), str(_ROOT / "services"), str(_ROOT / "clients/python/src")]),
        "LABELMILL_DATA_DIR": str(data_dir),
        "LABELMILL_PORT": "0",
        FOLDER_VARIABLE: str(FOLDER),
        **environment,
    }
    with log.open("a") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.runtime.echo_service"],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=env,
            cwd=_ROOT,
        )
    assert process.stdout is not None
    try:
        port = (await asyncio.to_thread(process.stdout.readline)).strip()
        assert port, f"the server did not start: {log.read_text()}"
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield ServerProcess(process, channel, echo_pb2_grpc.EchoServiceStub(channel))
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()
