"""Imports of buckets from a real S3 server: by cursor, by comparison, and with a server that is away."""

from __future__ import annotations

import io
import secrets
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from minio import Minio

from labelmill_storage.imports import patience
from tests.storage.client import RAW, refused
from tests.storage.conftest import Start
from tests.storage.imports import AFTER_CURSOR, COMPARE, Imports
from tests.support.s3 import S3Server

BUCKET = "incoming"
FORBIDDEN = (grpc.StatusCode.PERMISSION_DENIED, "SOURCE_FORBIDDEN")


def settings(server: S3Server, *buckets: str) -> dict[str, Any]:
    return {
        "import_endpoint": server.endpoint,
        "import_access_key": server.admin.access_key,
        "import_secret_key": server.admin.secret_key,
        "import_secure": False,
        "import_buckets": buckets or (BUCKET,),
    }


@pytest.fixture
def bucket(s3: S3Server) -> Minio:
    client = s3.client(s3.admin)
    if not client.bucket_exists(BUCKET):
        client.make_bucket(BUCKET)
    return client


@pytest.fixture
def prefix() -> str:
    """Of this test alone."""
    return f"{secrets.token_hex(8)}/"


@pytest.fixture
async def imports(start: Start, s3: S3Server, bucket: Minio) -> AsyncIterator[Imports]:
    async with start(**settings(s3)) as storage:
        yield Imports(storage)


def put(client: Minio, prefix: str, **objects: str | bytes) -> None:
    for name, content in objects.items():
        data = content.encode() if isinstance(content, str) else content
        client.put_object(BUCKET, f"{prefix}{name}", io.BytesIO(data), len(data))


async def test_after_the_cursor_only_later_keys_are_listed(imports: Imports, bucket: Minio, prefix: str) -> None:
    put(bucket, prefix, a1="one", a2="two", a3="one")
    await imports.bucket(BUCKET, prefix)
    assert await imports.run() == {"created": 2, "already_existed": 1}
    assert (await imports.get()).cursor == f"{prefix}a3"
    put(bucket, prefix, a2="two changed", b1="three", a0="earlier")
    assert await imports.run(mode=AFTER_CURSOR) == {"created": 1}
    assert (await imports.get()).cursor == f"{prefix}b1"
    assert await imports.run() == {}
    assert await imports.run(mode=COMPARE) == {"created": 2, "unchanged": 3}
    assert await imports.run(mode=COMPARE) == {"unchanged": 5}
    assert (await imports.get()).cursor == f"{prefix}b1"
    keys = [item.key for item in await imports.items()]
    assert keys == [f"{prefix}{name}" for name in ("a0", "a1", "a2", "a3", "b1")]
    assert {a.external_id for a in (await imports.storage.list_assets()).assets} >= {f"{prefix}a0", f"{prefix}b1"}


async def test_dead_letters_before_the_cursor_are_tried_again_when_asked_for(
    imports: Imports, bucket: Minio, prefix: str
) -> None:
    put(bucket, prefix, a="", b="fine", c="")
    await imports.bucket(BUCKET, prefix)
    assert await imports.run() == {"created": 1, "failed": 2}
    put(bucket, prefix, a="not empty any more")
    assert await imports.run() == {}
    assert await imports.run(retry_failed=True) == {"created": 1, "failed": 1}
    assert await imports.dead_letters() == {f"{prefix}c": "EMPTY_CONTENT"}
    assert await imports.run(retry_failed=True) == {"failed": 1}
    bucket.remove_object(BUCKET, f"{prefix}c")
    assert await imports.run(retry_failed=True) == {}
    assert await imports.dead_letters() == {}


async def test_many_pages_and_large_objects(imports: Imports, bucket: Minio, prefix: str) -> None:
    put(bucket, prefix, **{f"n{number:04}": f"text {number}" for number in range(1100)})
    large = secrets.token_bytes(3_000_000)
    put(bucket, prefix, x_large=large)
    await imports.bucket(BUCKET, prefix)
    assert await imports.run() == {"created": 1101}
    (item,) = await imports.items(filter=f'key = "{prefix}x_large"')
    assert (await imports.storage.download(item.asset, RAW))[1] == large
    assert await imports.run(mode=COMPARE) == {"unchanged": 1101}


async def test_keys_of_every_kind(imports: Imports, bucket: Minio, prefix: str) -> None:
    names = ["sp ace +&=?#%41", "\u00e9", "e\u0301", "\u05e9\u05dc\u05d5\u05dd", "a/b//c", "k" * 200]
    for number, name in enumerate(names):
        data = f"content {number}".encode()
        bucket.put_object(BUCKET, f"{prefix}{name}", io.BytesIO(data), len(data))
    listed = sum(1 for _ in bucket.list_objects(BUCKET, prefix, recursive=True))
    await imports.bucket(BUCKET, prefix)
    assert await imports.run() == {"created": listed}
    assert len({item.key for item in await imports.items()}) == listed
    assert await imports.run(mode=COMPARE) == {"unchanged": listed}


async def test_only_buckets_that_the_settings_name(start: Start, s3: S3Server, bucket: Minio, prefix: str) -> None:
    async with start(**settings(s3)) as storage:
        for name in ("labelmill-raw", "somewhere-else"):
            assert (await refused(Imports(storage).bucket(name))).said == FORBIDDEN
        await Imports(storage).bucket(BUCKET, prefix)
    async with start(**settings(s3, "another")) as storage:  # the settings have changed since
        assert (await Imports(storage).fails()).said == FORBIDDEN
    async with start() as storage:
        assert (await refused(Imports(storage).bucket(BUCKET, source_id="other"))).said == FORBIDDEN


async def test_credentials_that_may_not_read(start: Start, s3: S3Server, bucket: Minio) -> None:
    others = {"import_access_key": s3.raw.access_key, "import_secret_key": s3.raw.secret_key}
    async with start(**{**settings(s3), **others}) as storage:
        assert (await refused(Imports(storage).bucket(BUCKET))).said == FORBIDDEN


async def test_a_bucket_that_is_gone(start: Start, s3: S3Server) -> None:
    async with start(**settings(s3, "never-made")) as storage:
        imports = Imports(storage)
        await imports.bucket("never-made")
        assert (await imports.fails()).said == (grpc.StatusCode.FAILED_PRECONDITION, "SOURCE_MISSING")


async def test_a_server_that_is_away_is_tried_again_and_then_told(
    start: Start, s3: S3Server, bucket: Minio, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PAUSES_S", (0.05, 0.1))
    put(bucket, prefix, a="one", b="two")
    async with start(**{**settings(s3), "import_endpoint": "127.0.0.1:9"}) as storage:
        imports = Imports(storage)
        await imports.bucket(BUCKET, prefix)
        assert (await imports.fails()).said == (grpc.StatusCode.UNAVAILABLE, "SOURCE_UNAVAILABLE")
        assert await imports.dead_letters() == {}
    async with start(**settings(s3)) as storage:
        assert await Imports(storage).run() == {"created": 2}
