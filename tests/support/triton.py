"""A real Triton server from PyPI packages, in an environment of its own because the wheel needs numpy<2.

`python -m tests.support.triton install` makes the environment; `TritonServer` starts servers from it. The wheel has
Triton's Python backend only, so ONNX models run through deploy/triton/backends/onnxruntime, which is a Python-based
backend; the model repository is what it would be for the native backend.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / ".venvs" / "triton"
ONNX_BACKEND = ROOT / "deploy" / "triton" / "backends" / "onnxruntime"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTHON_LIBRARY = f"libpython{PYTHON}.so.1.0"
READY_TIMEOUT_S = 60.0
_SERVER = ("--no-deps", "nvidia-pytriton==0.7.0")
_STUB = ("numpy<2", "onnxruntime>=1.31")


def missing_library() -> str | None:
    """Why Triton cannot run on this machine; None if it can. Its Python stub is linked against libpython."""
    try:
        ctypes.CDLL(PYTHON_LIBRARY)
    except OSError:
        return f"Triton's Python backend needs {PYTHON_LIBRARY} (Debian: apt-get install libpython{PYTHON})"
    return None


def ensure_triton() -> Path:
    """The environment with Triton; made at the first call (a download of some 60 MB), by one process at a time."""
    ENVIRONMENT.parent.mkdir(exist_ok=True)
    with _locked(ENVIRONMENT.parent / "triton.lock"):
        if not (ENVIRONMENT / "installed").exists():
            _install()
    return ENVIRONMENT


def _install() -> None:
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    venv.create(ENVIRONMENT, with_pip=True)
    pip = [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for packages in (_SERVER, _STUB):
        # The wheel's other dependencies are those of a Python API that is not used here; pip only remarks on them.
        done = subprocess.run([*pip, *packages], stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise RuntimeError(f"pip could not install {packages}:\n{done.stderr}")
    site = _site_packages()
    backends = ENVIRONMENT / "backends" / "python"
    shutil.copytree(site / "pytriton/tritonserver/backends/python", backends)
    stub = site / f"pytriton/tritonserver/python_backend_stubs/{PYTHON}/triton_python_backend_stub"
    shutil.copy2(stub, backends / stub.name)
    (ENVIRONMENT / "installed").touch()


def _site_packages() -> Path:
    return ENVIRONMENT / "lib" / f"python{PYTHON}" / "site-packages"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class TritonServer:
    """One server on a model repository, in explicit mode; `kill` and `start` it again on the same port at will.

    Args:
        repository: The model repository.
        folder: For the log and the backend directory.
    """

    def __init__(self, repository: Path, folder: Path) -> None:
        self._repository = repository
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._ports = _free_ports(3)
        self.log = folder / "triton.log"

    @property
    def address(self) -> str:
        """host:port of its gRPC endpoint."""
        return f"127.0.0.1:{self._ports[0]}"

    def __enter__(self) -> TritonServer:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Starts it and waits until it is ready."""
        environment = ensure_triton()
        self._repository.mkdir(parents=True, exist_ok=True)
        grpc_port, http_port, metrics_port = self._ports
        command = [
            str(_site_packages() / "pytriton/tritonserver/bin/tritonserver"),
            f"--model-repository={self._repository}",
            f"--backend-directory={self._backends(environment)}",
            "--model-control-mode=explicit",
            "--exit-on-error=false",
            f"--grpc-port={grpc_port}",
            f"--http-port={http_port}",
            f"--metrics-port={metrics_port}",
            "--grpc-address=127.0.0.1",
            "--http-address=127.0.0.1",
            "--metrics-address=127.0.0.1",
        ]
        variables = {
            **os.environ,
            "LD_LIBRARY_PATH": str(_site_packages() / "nvidia_pytriton.libs"),
            # The stub ignores PYTHONPATH; it finds its packages by the python that comes first in PATH.
            "PATH": f"{environment / 'bin'}:{os.environ['PATH']}",
        }
        variables.pop("VIRTUAL_ENV", None)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=variables, stdout=log, stderr=log, start_new_session=True, cwd=self._folder
            )
        self._wait_until_ready()

    def kill(self) -> None:
        """SIGKILLs the server and its stubs, as a crash would."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):  # it may have ended by itself
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(30)
        self._process = None

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + READY_TIMEOUT_S
        url = f"http://127.0.0.1:{self._ports[1]}/v2/health/ready"
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(url, timeout=1) as response:
                    if response.status == 200:
                        return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.05)
        raise RuntimeError(f"Triton did not become ready; its log ends with:\n{self.log.read_text()[-3000:]}")

    def _backends(self, environment: Path) -> Path:
        """The backend directory: the wheel's Python backend, and ours for ONNX as it stands in the repository."""
        folder = self._folder / "backends"
        folder.mkdir(exist_ok=True)
        for name, target in (("python", environment / "backends" / "python"), ("onnxruntime", ONNX_BACKEND)):
            if not (folder / name).exists():
                shutil.copytree(target, folder / name)
        return folder


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


if __name__ == "__main__":
    if sys.argv[1:] != ["install"]:
        sys.exit("usage: python -m tests.support.triton install")
    ensure_triton()
