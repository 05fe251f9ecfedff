"""Runs `labelmill up` as a process of its own, on a free port, and makes keys for the demo's labelers."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from labelmill.aio import Client
from labelmill_runtime.api_keys import create_key
from labelmill_runtime.principal import Grant, Role

READY_WITHIN_S = 120


@dataclass(frozen=True)
class DemoServer:
    """A running `labelmill up`."""

    address: str
    data_dir: Path
    owner: Client

    def labeler(self, labeler_id: str, project_id: str) -> Client:
        """A client with a key of its own and the role annotator on one project."""
        key = create_key(self.data_dir / "keys.json", labeler_id, [Grant(Role.ANNOTATOR, project_id)])
        return Client(self.address, api_key=key)


@asynccontextmanager
async def running(data_dir: Path) -> AsyncIterator[DemoServer]:
    """Serves while the block runs; drains at its end."""
    data_dir.mkdir(parents=True, exist_ok=True)
    credentials = data_dir / "client.json"
    credentials.unlink(missing_ok=True)
    with (data_dir / "up.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "labelmill_up", "--data-dir", str(data_dir), "--port", "0"),
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    try:
        address, key = await asyncio.wait_for(_credentials(process, credentials), READY_WITHIN_S)
        async with Client(address, api_key=key) as owner:
            yield DemoServer(address, data_dir, owner)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def _credentials(process: asyncio.subprocess.Process, path: Path) -> tuple[str, str]:
    """What `up` writes as soon as it serves."""
    while process.returncode is None:
        if path.exists():
            found = json.loads(path.read_text(encoding="utf-8"))
            return found["address"], found["api_key"]
        await asyncio.sleep(0.1)
    raise RuntimeError(f"labelmill up ended with {process.returncode}; see {path.with_name('up.log')}")
