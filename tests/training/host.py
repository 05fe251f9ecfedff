"""Training on stand-ins as a process of its own, to be killed: `python -m tests.training.host DATA_DIR`."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path

from labelmill_runtime import logs
from labelmill_runtime.service import RunningServer, serve
from labelmill_runtime.settings import RuntimeSettings
from labelmill_training.server import build
from labelmill_training.settings import TrainingSettings
from tests.training.fakes import FakeLabels, FakeServer


def _announce(server: RunningServer) -> None:
    sys.stdout.write(f"{server.port}\n")  # the test that started this process reads it
    sys.stdout.flush()


def main() -> None:
    settings = RuntimeSettings(data_dir=Path(sys.argv[1]), port=0, operation_lease_s=5)
    logs.configure(settings.log_level, sys.stderr)
    models = FakeServer(embed_delay_s=0.1)
    builder = partial(build, settings=TrainingSettings(embed_batch=40), labels=FakeLabels(), server=models)
    asyncio.run(serve(settings, [builder], on_ready=_announce))


if __name__ == "__main__":
    main()
