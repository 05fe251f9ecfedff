"""Object stores and running storage servers for the tests; everything but the list of projects is real."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from labelmill.storage.v1 import service_pb2_grpc
from labelmill_runtime.access import create_key
from labelmill_runtime.principal import Grant, Role
from labelmill_runtime.service import running
from labelmill_runtime.settings import RuntimeSettings
from labelmill_storage.adapters.objects.local_files import LocalFiles
from labelmill_storage.adapters.objects.local_urls import LocalUrls
from labelmill_storage.adapters.objects.minio import BucketAccess, MinioStore
from labelmill_storage.assets import Zone
from labelmill_storage.ports import ObjectStore
from labelmill_storage.server import build
from labelmill_storage.settings import StorageSettings
from tests.storage.client import PROJECT, Storage
from tests.storage.projects import KnownProjects
from tests.storage.signing import Signer
from tests.support.postgres import new_database
from tests.support.s3 import CLEAN_BUCKET, RAW_BUCKET, S3Server, s3_server

PART_BYTES = 5 * 1024 * 1024
Start = Callable[..., AbstractAsyncContextManager[Storage]]


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """A real S3 server that lives as long as the run."""
    with s3_server() as server:
        yield server


def minio_store(server: S3Server, **options: Any) -> MinioStore:
    zones = {
        Zone.RAW: BucketAccess(RAW_BUCKET, server.raw.access_key, server.raw.secret_key),
        Zone.CLEAN: BucketAccess(CLEAN_BUCKET, server.clean.access_key, server.clean.secret_key),
    }
    options = {"spool_dir": Path(tempfile.gettempdir()), "part_bytes": PART_BYTES, **options}
    return MinioStore(server.endpoint, zones, secure=False, **options)


def local_store(folder: Path) -> LocalFiles:
    return LocalFiles(folder / "objects", urls=LocalUrls(b"a key for the tests' own URLs alone"))


@pytest.fixture(params=["local", "s3"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStore]:
    """An object store of each kind."""
    on_s3 = request.param == "s3"
    made: ObjectStore = minio_store(request.getfixturevalue("s3")) if on_s3 else local_store(tmp_path)
    await made.start()
    yield made
    await made.close()


def make_keys(path: Path) -> dict[str, str]:
    """One key a role on PROJECT, a service on every project, and a stranger."""
    keys = {role.name.lower(): create_key(path, role.name.lower(), [Grant(role, PROJECT)]) for role in Role}
    keys["service"] = create_key(path, "service", [Grant(Role.SERVICE, "*")])
    keys["stranger"] = create_key(path, "stranger", [Grant(Role.MANAGER, "elsewhere")])
    return keys


@pytest.fixture
def runtime_settings(tmp_path: Path) -> RuntimeSettings:
    return RuntimeSettings(data_dir=tmp_path / "data", port=0, drain_seconds=1.0)


@pytest.fixture
def start(runtime_settings: RuntimeSettings) -> Start:
    """Starts a storage server; call it again to start another one on the same data."""

    @asynccontextmanager
    async def started(runtime: RuntimeSettings = runtime_settings, **settings: Any) -> AsyncIterator[Storage]:
        runtime.data_dir.mkdir(parents=True, exist_ok=True)
        keys, projects = make_keys(runtime.keys_path), KnownProjects({PROJECT, "elsewhere"})
        builder = partial(build, settings=StorageSettings(**settings), projects=projects)
        async with running(runtime, [builder]) as server, grpc.aio.insecure_channel(server.address) as channel:
            stub = service_pb2_grpc.StorageServiceStub(channel)
            signer = Signer(runtime.data_dir / "secrets" / "receipt-keys")
            yield Storage(stub, keys, runtime.data_dir, projects, signer, server.address, channel)

    return started


@pytest.fixture
async def storage(start: Start) -> AsyncIterator[Storage]:
    """A running server on SQLite and local files."""
    async with start() as running_storage:
        yield running_storage


@pytest.fixture(params=["sqlite", "postgresql"])
def both_settings(request: pytest.FixtureRequest, runtime_settings: RuntimeSettings) -> RuntimeSettings:
    """Settings for SQLite, and for a new database of a real PostgreSQL."""
    if request.param == "sqlite":
        return runtime_settings
    url = new_database(request.getfixturevalue("postgres_url"))
    return runtime_settings.model_copy(update={"database_url": url})


@pytest.fixture
async def on_both(start: Start, both_settings: RuntimeSettings) -> AsyncIterator[Storage]:
    """A running server on each database."""
    async with start(both_settings) as running_storage:
        yield running_storage


def s3_settings(server: S3Server) -> dict[str, Any]:
    """The settings that put storage on a server."""
    return {
        "object_store": "minio",
        "minio_endpoint": server.endpoint,
        "minio_secure": False,
        "minio_part_bytes": PART_BYTES,
        "raw_access_key": server.raw.access_key,
        "raw_secret_key": server.raw.secret_key,
        "clean_access_key": server.clean.access_key,
        "clean_secret_key": server.clean.secret_key,
    }


@pytest.fixture(params=["local", "s3"])
async def on_stores(request: pytest.FixtureRequest, start: Start) -> AsyncIterator[Storage]:
    """A running server on each object store."""
    settings = {} if request.param == "local" else s3_settings(request.getfixturevalue("s3"))
    async with start(**settings) as running_storage:
        yield running_storage
