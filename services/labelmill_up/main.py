"""The command: arguments to settings, and faults to one line and an exit code."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvloop
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from labelmill_runtime import logs
from labelmill_runtime.settings import RuntimeSettings
from labelmill_up.data_dir import DataDirInUse
from labelmill_up.up import ServicesMissing, serve

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_IN_USE = 6
_IMPORT_ROOTS = "LABELMILL_STORAGE_IMPORT_ROOTS"


def main(argv: Sequence[str] | None = None) -> int:
    """Parses arguments and serves; returns the exit code."""
    parser = argparse.ArgumentParser(prog="labelmill up", description="Runs all services on one port.")
    parser.add_argument("--data-dir", type=Path, help="where everything is kept (LABELMILL_DATA_DIR, ~/.labelmill)")
    parser.add_argument("--host", help="the address to listen on (LABELMILL_HOST, 127.0.0.1)")
    parser.add_argument("--port", type=int, help="the port, 0 for a free one (LABELMILL_PORT, 50051)")
    parser.add_argument(
        "--import-root",
        type=Path,
        action="append",
        default=[],
        help="directory below which imports may read; repeatable",
    )
    given = parser.parse_args(argv)
    return up(data_dir=given.data_dir, host=given.host, port=given.port, import_roots=given.import_root)


def up(
    *,
    data_dir: Path | None = None,
    host: str | None = None,
    port: int | None = None,
    import_roots: Sequence[Path] = (),
) -> int:
    """Serves until Ctrl-C or SIGTERM; returns the exit code. What is None or empty comes from the environment."""
    given: dict[str, Any] = {"data_dir": data_dir, "host": host, "port": port}
    try:
        settings = RuntimeSettings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        return _fail("; ".join(_said(fault) for fault in error.errors()), EXIT_USAGE)
    if any(os.pathsep in str(root) for root in import_roots):
        return _fail(f"an import root must not hold {os.pathsep!r}", EXIT_USAGE)
    if import_roots:
        os.environ[_IMPORT_ROOTS] = os.pathsep.join(str(root.absolute()) for root in import_roots)
    logs.configure(_log_level(settings))
    os.umask(0o077)  # databases and objects hold raw data, also where the directory was there before
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings))
    except DataDirInUse as error:
        return _fail(str(error), EXIT_IN_USE)
    except ServicesMissing as error:
        return _fail(str(error), EXIT_FAILED)
    except RuntimeError as error:
        if "failed to bind" not in str(error).lower():
            raise
        return _fail(f"{settings.host}:{settings.port} cannot be listened on; see --port and --host.", EXIT_FAILED)
    return 0


def _said(fault: ErrorDetails) -> str:
    """One fault of the settings, without the value: it may be a secret."""
    field = ".".join(str(part) for part in fault["loc"])
    return f"{field}: {fault['msg']}" if field else fault["msg"].removeprefix("Value error, ")


def _log_level(settings: RuntimeSettings) -> str:
    """A person at a terminal wants to see what is wrong; a log file gets everything."""
    if "log_level" in settings.model_fields_set or "LABELMILL_LOG_LEVEL" in os.environ or not sys.stderr.isatty():
        return settings.log_level
    return "WARNING"


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"labelmill up: {message}\n")
    return code
