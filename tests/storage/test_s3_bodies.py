"""Bodies that are sent from the spool, piece by piece."""

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st
from minio import Minio

from labelmill_runtime.errors import Internal, Unavailable
from labelmill_storage.adapters.objects.s3_calls import Bucket, http_pool
from labelmill_storage.adapters.objects.spool import Spool, SpooledBody
from labelmill_storage.ports import ObjectMissing
from tests.support.s3 import RAW_BUCKET, S3Server

CONTENT = os.urandom(700_001)


class Pool(urllib3.PoolManager):
    """Answers every request alike, and notes it."""

    def __init__(self, status: int = 200, body: bytes = b"", content_type: str = "application/xml") -> None:
        super().__init__()
        self.sent: list[tuple[str, dict[str, str], int]] = []
        self._answer = status, body, content_type

    def urlopen(self, method: str, url: str, *_: Any, body: Any, headers: Any, **__: Any) -> Any:
        pieces = []
        while piece := body.read(64 * 1024):
            pieces.append(len(piece))
        self.sent.append((url, dict(headers), sum(pieces)))
        status, content, kind = self._answer
        return urllib3.HTTPResponse(content, {"etag": '"e"', "content-type": kind}, status, preload_content=True)


def bucket(pool: Any, *, secure: bool) -> Bucket:
    return Bucket(Minio("s3.example", "key", "secret", secure=secure, region="here", http_client=pool), "bucket")


@pytest.fixture
def body(tmp_path: Path) -> Any:
    spool = Spool(tmp_path, 1_000_000)
    spool.write(2, 0, CONTENT)
    yield spool.body(2, len(CONTENT))
    spool.close()


def test_plain_http_is_signed_with_the_hash_of_the_body(body: SpooledBody) -> None:
    pool = Pool()
    part = bucket(pool, secure=False).send("news/large/s-1", "upload", 3, body)
    ((url, headers, sent),) = pool.sent
    assert (part.number, part.etag, part.size_bytes, sent) == (3, "e", len(CONTENT), len(CONTENT))
    assert url == "http://s3.example/bucket/news/large/s-1?partNumber=3&uploadId=upload"
    assert headers["x-amz-content-sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert "x-amz-content-sha256" in headers["Authorization"]


def test_over_tls_the_body_has_its_md5(body: SpooledBody) -> None:
    pool = Pool()
    bucket(pool, secure=True).put_body("news/aa/aa", body)
    ((_, headers, sent),) = pool.sent
    assert sent == len(CONTENT)
    assert headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    digest = hashlib.md5(CONTENT, usedforsecurity=False).digest()
    assert headers["Content-MD5"] == base64.b64encode(digest).decode()
    assert headers["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("status", "answer", "kind", "expected"),
    [
        (404, b"<Error><Code>NoSuchUpload</Code></Error>", "application/xml", ObjectMissing),
        (503, b"<Error><Code>SlowDown</Code></Error>", "application/xml", Unavailable),
        (502, b"<html></html>", "text/html", Unavailable),
        (403, b"<Error><Code>AccessDenied</Code></Error>", "application/xml", Internal),
    ],
)
def test_refused_body_says_why(
    body: SpooledBody, status: int, answer: bytes, kind: str, expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        bucket(Pool(status, answer, kind), secure=False).send("news/large/s-1", "upload", 1, body)


def test_real_server_takes_it(s3: S3Server, body: SpooledBody) -> None:
    pool = http_pool(2)
    client = Minio(
        s3.endpoint, s3.raw.access_key, s3.raw.secret_key, secure=False, region="us-east-1", http_client=pool
    )
    of_raw = Bucket(client, RAW_BUCKET)
    of_raw.put_body("bodies/one", body)
    assert of_raw.read("bodies/one") == CONTENT
    of_raw.remove(["bodies/one"])
    pool.clear()


@given(sizes=st.lists(st.integers(1, 30), min_size=1, max_size=8), again_at=st.integers(0, 60))
def test_body_reads_like_a_file(tmp_path_factory: pytest.TempPathFactory, sizes: list[int], again_at: int) -> None:
    content = bytes(range(60))
    spool = Spool(tmp_path_factory.mktemp("spool"), 100)
    spool.write(1, 0, content)
    made = spool.body(1, len(content))
    read = b"".join(made.read(size) for size in sizes)
    assert read == content[: sum(sizes)]
    assert made.tell() == len(read)
    made.seek(again_at)
    assert made.read() == content[again_at:]
    assert made.read(5) == b""
    spool.close()


def test_shorter_spool_is_noticed(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 100)
    spool.write(0, 0, b"short")
    made = spool.body(0, 10)
    assert made.read(10) == b"short"
    with pytest.raises(EOFError):
        made.read(10)
    spool.close()
