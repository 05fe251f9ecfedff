"""The annotation service as a process, with stand-ins around: `python -m tests.annotation.server_process`."""

from __future__ import annotations

import asyncio
import os

import uvloop

from labelmill_annotation.server import builder
from labelmill_runtime import logs
from labelmill_runtime.service import running
from labelmill_runtime.settings import RuntimeSettings
from tests.annotation.fakes import FakePrelabel, FakeStorage, Names


async def main() -> None:
    """Serves until it is killed; the port is the first line on standard output."""
    build = builder(FakeStorage(), FakePrelabel())
    async with running(RuntimeSettings(), [build], authenticator=Names()) as server:
        os.write(1, f"{server.port}\n".encode())
        await asyncio.Event().wait()


if __name__ == "__main__":
    logs.configure("ERROR")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
