"""A storage server in a process of its own, for tests that kill or weigh it.

    python -m tests.storage.serve_alone DIR [PORT]

Everything is real but the list of projects, which would be the annotation service's. Prints its port when it is ready.
"""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path

import uvloop

from labelmill_runtime import logs
from labelmill_runtime.service import RunningServer, serve
from labelmill_runtime.settings import RuntimeSettings
from labelmill_storage.server import build
from tests.storage.client import PROJECT
from tests.storage.projects import KnownProjects


def announce(server: RunningServer) -> None:
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()


def main() -> None:
    logs.configure("WARNING", sys.stderr)
    settings = RuntimeSettings(
        data_dir=Path(sys.argv[1]), port=int(sys.argv[2]) if sys.argv[2:] else 0, drain_seconds=2
    )
    builder = partial(build, projects=KnownProjects({PROJECT}))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, [builder], on_ready=announce))


if __name__ == "__main__":
    main()
