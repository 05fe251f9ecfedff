"""Contents put by URL on an S3 server that compares their SHA-256 itself: recorded at once, and no less checked."""

import asyncio
import io
import os
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import grpc
import pytest
import urllib3
from minio import Minio

from labelmill.storage.v1 import lifecycle_service_pb2, lifecycle_service_pb2_grpc, resources_pb2, service_pb2
from labelmill_storage.adapters.objects.s3_calls import Bucket
from labelmill_storage.adapters.objects.s3_checksums import CheckedPuts, told_by
from labelmill_storage.adapters.objects.s3_presign import Signer
from tests.storage.archive_files import zipped
from tests.storage.client import PARENT, Refusal, Storage, refused
from tests.storage.conftest import Start, s3_settings
from tests.storage.media_files import exif, image
from tests.storage.test_urls import asset_of, digest, finish, finished, http, put, upload_header, upload_url
from tests.support.s3 import RAW_BUCKET, S3Server

MIB = 1024 * 1024


@pytest.fixture
async def on_s3(start: Start, s3: S3Server) -> AsyncIterator[Storage]:
    async with start(**s3_settings(s3)) as storage:
        yield storage


def path_of(admin: Minio, content: bytes) -> str:
    """Where the S3 server keeps a content."""
    for found in admin.list_objects(RAW_BUCKET, recursive=True):
        path = str(found.object_name)
        if found.size == len(content) and admin.get_object(RAW_BUCKET, path).data == content:
            return path
    raise AssertionError("it is not there")


async def put_and_finish(storage: Storage, content: bytes, **values: Any) -> tuple[bool, resources_pb2.Asset]:
    """Whether it was recorded at once, and the asset."""
    name = await put(storage, content, sha256=digest(content), **values)
    request = service_pb2.FinishUploadRequest(name=name, sha256=digest(content))
    operation = await storage.call("FinishUpload", request)
    return operation.done, asset_of(await finished(storage, operation))


async def test_binary_content_is_recorded_at_once_and_described_as_if_it_had_been_streamed(
    on_s3: Storage, start: Start
) -> None:
    photo = image("JPEG", (640, 480), exif=exif(place=True), quality=95)
    contents = [photo, os.urandom(9 * MIB), zipped({"a.txt": b"text", "b.bin": os.urandom(600_000)}), b"\xff"]
    for content in contents:
        at_once, asset = await put_and_finish(on_s3, content, external_id="x", labels={"set": "big"})
        assert at_once
        async with start() as by_stream:
            streamed = await by_stream.upload(content)
        assert asset.raw == streamed.raw
        assert (asset.external_id, dict(asset.labels)) == ("x", {"set": "big"})
        assert (await on_s3.download(asset.name))[1] == content


async def test_operation_that_came_back_done_can_be_asked_for(on_s3: Storage) -> None:
    content = os.urandom(MIB)
    name = await put(on_s3, content, sha256=digest(content))
    request = service_pb2.FinishUploadRequest(name=name, sha256=digest(content), request_id=str(uuid.uuid4()))
    operation = await on_s3.call("FinishUpload", request)
    assert operation.done
    assert await on_s3.call("FinishUpload", request) == operation
    operation.done = False
    assert asset_of(await finished(on_s3, operation)).raw.sha256 == digest(content)
    assert asset_of(await finish(on_s3, name, digest(content))).raw.sha256 == digest(content)


async def test_every_byte_of_text_is_read(on_s3: Storage) -> None:
    content = "Zürich ".encode() * 50_000
    at_once, asset = await put_and_finish(on_s3, content)
    assert not at_once
    assert asset.raw.text_length == len(content.decode())
    late = b"a" * 300_000 + b"\xff"
    name = await put(on_s3, late, sha256=digest(late), media_type="text/plain")
    refusal = Refusal((await finish(on_s3, name, digest(late))).error)
    assert refusal.said == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_UTF8")


@pytest.mark.parametrize("other", [b"longer", b"other!"])
async def test_other_bytes_are_refused_by_the_server_itself(on_s3: Storage, other: bytes) -> None:
    meant = b"\xffmeant"
    head = upload_header(meant, str(uuid.uuid4()), sha256=digest(meant))
    made = await upload_url(on_s3, head)
    status, _, _ = await http("PUT", made.url, other, {**made.headers, "Content-Length": str(len(other))})
    assert status in (400, 403)
    without = {name: value for name, value in made.headers.items() if "checksum" not in name}
    assert (await http("PUT", made.url, b"\xffother", without))[0] in (400, 403)
    refusal = await refused(finish(on_s3, made.upload, digest(meant)))
    assert refusal.said == (grpc.StatusCode.FAILED_PRECONDITION, "UPLOAD_INCOMPLETE")
    assert (await http("PUT", made.url, meant, made.headers))[0] == 200
    assert asset_of(await finish(on_s3, made.upload, digest(meant))).raw.sha256 == digest(meant)


async def test_content_that_is_too_much_is_refused_as_ever(on_s3: Storage) -> None:
    bomb = zipped({f"{number}": bytes(4 * MIB) for number in range(30)})
    for content, values, reason in (
        (bomb, {}, "CONTENT_BOMB"),
        (b"\xff" * 9, {"media_type": "text/plain"}, "INVALID_UTF8"),
    ):
        name = await put(on_s3, content, sha256=digest(content), **values)
        operation = await finish(on_s3, name, digest(content))
        assert Refusal(operation.error).reason == reason
    assert await on_s3.listed() == []


async def test_quota_is_kept(on_s3: Storage) -> None:
    content = os.urandom(1000)
    name = await put(on_s3, content, sha256=digest(content))
    quota = lifecycle_service_pb2.Usage.Quota(max_stored_bytes=999)
    request = lifecycle_service_pb2.UpdateQuotaRequest(name=f"{PARENT}/usage", quota=quota)
    stub = lifecycle_service_pb2_grpc.LifecycleServiceStub(on_s3.channel)
    await stub.UpdateQuota(request, metadata=on_s3.as_("owner"))
    assert Refusal((await finish(on_s3, name, digest(content))).error).reason == "QUOTA_EXCEEDED"
    gone = await refused(on_s3.call("GetUpload", service_pb2.GetUploadRequest(name=name)))
    assert gone.reason == "UPLOAD_NOT_FOUND"


async def test_damage_is_found_before_a_byte_leaves(on_s3: Storage, s3: S3Server) -> None:
    content = os.urandom(9 * MIB)
    at_once, asset = await put_and_finish(on_s3, content)
    assert at_once
    admin = s3.client(s3.admin)
    path = await asyncio.to_thread(path_of, admin, content)
    damaged = bytes([content[0] ^ 1]) + content[1:]
    await asyncio.to_thread(admin.put_object, RAW_BUCKET, path, io.BytesIO(damaged), len(damaged))
    refusal = await refused(on_s3.download(asset.name, offset=8 * MIB))
    assert refusal.said == (grpc.StatusCode.DATA_LOSS, "CONTENT_DAMAGED")
    await asyncio.to_thread(admin.put_object, RAW_BUCKET, path, io.BytesIO(content), len(content))
    reads = (on_s3.download(asset.name, offset=offset, length=10) for offset in (0, 5 * MIB, 8 * MIB))
    assert [part for _, part in await asyncio.gather(*reads)] == [
        content[offset : offset + 10] for offset in (0, 5 * MIB, 8 * MIB)
    ]
    await asyncio.to_thread(admin.put_object, RAW_BUCKET, path, io.BytesIO(damaged), len(damaged))
    assert (await on_s3.download(asset.name, offset=8 * MIB))[1] == content[8 * MIB :]  # blocks are known by now
    assert (await refused(on_s3.download(asset.name))).reason == "CONTENT_DAMAGED"


class _TakesAnything(BaseHTTPRequestHandler):
    """An S3 server that keeps a checksum as it keeps any header."""

    protocol_version = "HTTP/1.1"
    refuses = False
    kept: ClassVar[dict[str, str]] = {}

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.kept[self.path.partition("?")[0]] = self.headers["x-amz-checksum-sha256"]
        self._answer(403 if self.refuses else 200)

    def do_HEAD(self) -> None:
        self._answer(200, self.kept.get(self.path.partition("?")[0], ""))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200, body=b"<DeleteResult/>")

    def _answer(self, status: int, checksum: str = "", body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if checksum:
            self.send_header("x-amz-checksum-sha256", checksum)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("refuses", [False, True])
def test_server_that_does_not_compare_is_not_believed(refuses: bool) -> None:
    handler = type("Handler", (_TakesAnything,), {"refuses": refuses, "kept": {}})
    with serving(handler) as endpoint, urllib3.PoolManager(retries=False, timeout=5) as pool:
        bucket = Bucket(Minio(endpoint, "key", "secret", secure=False, region="here", http_client=pool), "bucket")
        checked = CheckedPuts(bucket, Signer(f"http://{endpoint}", "here", "key", "secret"), pool)
        assert not checked.hold()


def test_server_that_compares_is_asked_once(s3: S3Server) -> None:
    with urllib3.PoolManager(retries=False, timeout=10) as pool:
        bucket = Bucket(s3.client(s3.raw), RAW_BUCKET)
        signer = Signer(f"http://{s3.endpoint}", "us-east-1", s3.raw.access_key, s3.raw.secret_key)
        checked = CheckedPuts(bucket, signer, pool)
        assert checked.hold()
        assert not list(s3.client(s3.raw).list_objects(RAW_BUCKET, prefix="_checks/", recursive=True))
    assert checked.hold()  # without a connection


def test_server_that_is_away_is_asked_again(s3: S3Server) -> None:
    with urllib3.PoolManager(retries=False, timeout=1) as pool:
        bucket = Bucket(s3.client(s3.raw), RAW_BUCKET)
        keys = "us-east-1", s3.raw.access_key, s3.raw.secret_key
        away = CheckedPuts(bucket, Signer("http://127.0.0.1:1", *keys), pool)
        assert not away.hold()
        assert away._known is None


@pytest.mark.parametrize("told", ["", "AAAA", "!!!", "bxUXY0Bh+a+YC3J2D/vXH0pwiYit7x3vjYQ8xA4jZdQ=-3"])
def test_only_the_hash_of_a_whole_is_one(told: str) -> None:
    assert told_by({"x-amz-checksum-sha256": told} if told else {}) == ""
