"""Which requests ask the S3 server to encrypt: for real, and for KMS, which the test server has not, on the wire."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from labelmill_storage.adapters.objects.minio import BucketAccess, MinioStore
from labelmill_storage.adapters.objects.s3_encryption import headers_of
from labelmill_storage.assets import Zone
from labelmill_storage.settings import StorageSettings
from tests.storage.conftest import Start, s3_settings
from tests.storage.test_object_stores import fresh, key_of, stored
from tests.support.s3 import RAW_BUCKET, S3Server

PART_BYTES = 5 * 1024 * 1024
CREDENTIALS: dict[str, Any] = {
    "raw_access_key": "a",
    "raw_secret_key": "b",
    "clean_access_key": "c",
    "clean_secret_key": "d",
}
KMS: dict[str, Any] = {"sse": "kms", "raw_kms_key_id": "raw-key", "clean_kms_key_id": "clean-key"}


@asynccontextmanager
async def recording_server(seen: list[tuple[str, dict[str, str]]]) -> AsyncIterator[str]:
    """Agrees to every request; notes (what it was, its headers)."""

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        kind = request.method
        for name, word in (("uploads", "uploads"), ("partNumber", "part"), ("uploadId", "complete")):
            if name in request.query:
                kind += f" {word}"
                break
        seen.append((kind, dict(request.headers)))
        texts = {
            "POST uploads": "<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>",
            "POST complete": "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>",
        }
        return web.Response(text=texts.get(kind, ""), headers={"ETag": '"e"', "Content-Type": "application/xml"})

    app = web.Application(client_max_size=2 * PART_BYTES)
    app.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield "{}:{}".format(*runner.addresses[0])
    finally:
        await runner.cleanup()


def sse_of(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items() if "server-side-encryption" in name.lower()}


@pytest.mark.parametrize(
    ("encryption", "expected"),
    [
        (headers_of("none", ""), {}),
        (headers_of("s3", ""), {"x-amz-server-side-encryption": "AES256"}),
        (
            headers_of("kms", "raw-key"),
            {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": "raw-key"},
        ),
    ],
)
async def test_every_request_that_makes_an_object_asks_for_encryption(
    encryption: dict[str, str], expected: dict[str, str], tmp_path: Path
) -> None:
    seen: list[tuple[str, dict[str, str]]] = []
    async with recording_server(seen) as endpoint:
        access = BucketAccess("raw", "key", "secret", encryption)
        store = MinioStore(endpoint, {Zone.RAW: access}, secure=False, spool_dir=tmp_path, part_bytes=PART_BYTES)
        await stored(store, fresh())
        await store.put_many({key_of(b"x"): b"x"})
        await stored(store, fresh(PART_BYTES + 1))
        handle = await store.begin_upload(Zone.RAW, "news", 0)
        url = await store.upload_url(Zone.RAW, handle, 60)
        await store.close()
    kinds = [kind for kind, _ in seen]
    assert kinds.count("PUT") == 2
    assert kinds.count("POST uploads") == 2
    assert kinds.count("PUT part") == 2
    assert kinds.count("POST complete") == 1
    for kind, headers in seen:
        assert sse_of(headers) == (expected if kind in {"PUT", "POST uploads"} else {})
    assert sse_of(dict(url.headers)) == expected
    assert all(name in url.url for name in expected)


@pytest.mark.parametrize("size", [1000, PART_BYTES + 1])
async def test_a_real_server_encrypts_what_goes_in_and_gives_it_back(start: Start, s3: S3Server, size: int) -> None:
    content = secrets.token_bytes(size)
    async with start(**s3_settings(s3), sse="s3") as storage:
        asset = await storage.upload(content)
        assert (await storage.download(asset.name))[1] == content
    client = s3.client(s3.raw)
    listed = [str(o.object_name) for o in client.list_objects(RAW_BUCKET, recursive=True) if o.size == size]
    found = [dict(client.stat_object(RAW_BUCKET, name).metadata or {}) for name in listed]
    assert "AES256" in [headers.get("X-Amz-Server-Side-Encryption") for headers in found]


def test_kms_needs_keys_and_tls() -> None:
    assert StorageSettings(object_store="minio", **CREDENTIALS, **KMS).sse == "kms"
    with pytest.raises(ValidationError, match="TLS"):
        StorageSettings(object_store="minio", minio_secure=False, **CREDENTIALS, **KMS)
    with pytest.raises(ValidationError, match="kms_key_id"):
        StorageSettings(object_store="minio", **CREDENTIALS, sse="kms", raw_kms_key_id="raw-key")
    with pytest.raises(ValidationError, match="encrypt the disk"):
        StorageSettings(sse="s3")
