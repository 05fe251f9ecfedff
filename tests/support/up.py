"""A real `labelmill up` as a process of its own, which a test may kill."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from labelmill.aio import Client
from labelmill_runtime.api_keys import create_key
from labelmill_runtime.principal import Grant, Role

ROOT = Path(__file__).resolve().parents[2]
READY_WITHIN_S = 90.0
STOPPED_WITHIN_S = 30.0
_READY = b"Labelmill is ready"


class UpProcess:
    """One data directory and, while it is started, the process group that serves it."""

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int = 0,
        environment: dict[str, str] | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        self.data_dir = data_dir
        self._port = port
        self._environment = environment or {}
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None
        self._log = data_dir.with_name(f"{data_dir.name}.log")

    @property
    def address(self) -> str:
        """host:port of the server that was started last; a restarted one keeps it."""
        return str(self._client_file()["address"])

    @property
    def api_key(self) -> str:
        """The owner's key."""
        return str(self._client_file()["api_key"])

    @property
    def pid(self) -> int:
        """The main process, which leads its group."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """Everything that was printed and logged, over all starts."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    def client(self, api_key: str | None = None) -> Client:
        """A client, with the owner's key unless another is given."""
        return Client(self.address, api_key or self.api_key)

    def make_key(self, principal_id: str, role: Role, project_id: str = "*") -> str:
        """A new key with one role on one project."""
        return create_key(self.data_dir / "keys.json", principal_id, [Grant(role, project_id)])

    async def start(self) -> None:
        """Starts it and waits until it serves; again on the same port after a stop or a kill."""
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        before = len(self.log)
        with self._log.open("ab") as log:
            place = ("--data-dir", str(self.data_dir), "--port", str(self._port))
            self._process = subprocess.Popen(
                [sys.executable, "-m", "labelmill_up", *place, *self._arguments],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # a group of its own, for `kill`
                cwd=ROOT,
                env={**os.environ, **self._environment, "PYTHONUNBUFFERED": "1"},
            )
        deadline = time.monotonic() + READY_WITHIN_S
        while _READY.decode() not in self.log[before:]:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"labelmill up did not become ready:\n{self.log[before:][-5000:]}")
            await asyncio.sleep(0.05)
        self._port = int(self.address.rpartition(":")[2])

    async def stop(self) -> int:
        """SIGTERM, and waits for the drain; returns the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self._process.wait, STOPPED_WITHIN_S)

    def kill(self) -> None:
        """SIGKILL to the whole group, workers included; returns when the main process is gone."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):  # it was stopped before
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(STOPPED_WITHIN_S)

    def _client_file(self) -> dict[str, str]:
        return dict(json.loads((self.data_dir / "client.json").read_text(encoding="utf-8")))


@asynccontextmanager
async def up(data_dir: Path, *, environment: dict[str, str] | None = None) -> AsyncIterator[UpProcess]:
    """Serves while the block runs; whatever is left of it is killed at the end."""
    process = UpProcess(data_dir, environment=environment)
    try:
        await process.start()
        yield process
    finally:
        process.kill()
