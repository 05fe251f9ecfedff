"""Uploads in parts, whatever the sizes, the cuts and the failures; against a server in memory that takes tiny parts."""

import asyncio
import hashlib
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelmill_runtime.errors import Unavailable
from labelmill_storage.adapters.objects import multipart
from labelmill_storage.adapters.objects.multipart import Lanes, StagedMultipart
from labelmill_storage.adapters.objects.s3_calls import Bucket, SentPart
from labelmill_storage.adapters.objects.spool import SpooledBody
from labelmill_storage.adapters.objects.threads import Threads
from labelmill_storage.assets import Zone
from labelmill_storage.ports import ObjectKey, ObjectMissing

PART = 10
PATH = "news/large/u-1"


class MemoryBucket:
    """What an S3 server does, with failures that tests ask for."""

    def __init__(self, failures: list[bool]) -> None:
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self._failures = failures
        self._ids = count(1)

    def put(self, path: str, data: bytes) -> None:
        self._maybe_fail()
        self.objects[path] = data

    def put_body(self, path: str, body: SpooledBody) -> None:
        self.put(path, body.read())

    def begin(self, path: str) -> str:
        self._maybe_fail()
        upload_id = str(next(self._ids))
        self.uploads[upload_id] = {}
        return upload_id

    def send(self, path: str, upload_id: str, number: int, body: SpooledBody) -> SentPart:
        if upload_id not in self.uploads:
            raise ObjectMissing
        self.uploads[upload_id][number] = body.read()  # it may arrive though the answer is lost
        self._maybe_fail()
        return SentPart(number, "", len(body))

    def parts(self, path: str, upload_id: str) -> list[SentPart]:
        if upload_id not in self.uploads:
            raise ObjectMissing
        return [SentPart(number, "", len(data)) for number, data in sorted(self.uploads[upload_id].items())]

    def complete(self, path: str, upload_id: str, parts: list[SentPart]) -> None:
        if upload_id not in self.uploads:
            raise ObjectMissing
        self._maybe_fail()
        sent = self.uploads.pop(upload_id)
        assert all(len(sent[part.number]) == PART for part in parts[:-1])
        self.objects[path] = b"".join(sent[part.number] for part in parts)

    def abort(self, path: str, upload_id: str) -> None:
        self.uploads.pop(upload_id, None)

    def read(self, path: str, offset: int, length: int) -> bytes:
        return self.objects[path][offset : offset + length]

    def head(self, path: str) -> dict[str, str] | None:
        return {"content-length": str(len(self.objects[path]))} if path in self.objects else None

    def remove(self, paths: list[str]) -> None:
        for path in paths:
            self.objects.pop(path, None)

    def _maybe_fail(self) -> None:
        if self._failures and self._failures.pop():
            raise Unavailable("STORE_UNAVAILABLE", "away")


@pytest.fixture(autouse=True, scope="module")
def no_pauses() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multipart, "_PAUSES_S", (0.0, 0.0))
        patch.setattr(multipart, "_IN_MEMORY_BYTES", 3)
        yield


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(0, 12 * PART),
    chunk=st.integers(1, 3 * PART),
    cuts=st.lists(st.integers(0, 12 * PART), max_size=3),
    failures=st.lists(st.booleans(), max_size=12),
)
def test_what_is_committed_is_what_was_sent(size: int, chunk: int, cuts: list[int], failures: list[bool]) -> None:
    content = bytes(number % 251 for number in range(size))
    bucket = MemoryBucket(failures)
    key = ObjectKey(Zone.RAW, "news", hashlib.sha256(content).hexdigest())
    location = asyncio.run(_send(bucket, content, chunk, sorted(cuts), key))
    assert bucket.objects == {location or key.path: content}
    assert bucket.uploads == {}


async def _send(bucket: MemoryBucket, content: bytes, chunk: int, cuts: list[int], key: ObjectKey) -> str:
    """Sends up to each cut in a connection of its own, then to the end, again and again until it is through."""
    with tempfile.TemporaryDirectory() as folder:
        lanes = Lanes(Threads(2, "calls"), Threads(2, "parts"), Path(folder), PART)
        bucket.uploads["given"] = {}
        try:
            while True:
                staged = StagedMultipart(cast("Bucket", bucket), lanes, PATH, "given")
                try:
                    await staged.resume()
                    end = cuts.pop(0) if cuts else len(content) + 1
                    for start in range(staged.received_bytes, min(end, len(content)), chunk):
                        await staged.write(content[start : min(start + chunk, end)])
                    if end > len(content):
                        return await staged.commit(key)
                except Unavailable:
                    continue
                finally:
                    await staged.discard(keep=True)
        finally:
            await lanes.calls.close()
            await lanes.parts.close()


@settings(max_examples=20, deadline=None)
@given(size=st.integers(0, 6 * PART), failures=st.lists(st.booleans(), max_size=6))
def test_what_is_not_committed_leaves_nothing(size: int, failures: list[bool]) -> None:
    bucket = MemoryBucket(failures)

    async def give_up() -> None:
        with tempfile.TemporaryDirectory() as folder:
            lanes = Lanes(Threads(2, "calls"), Threads(2, "parts"), Path(folder), PART)
            staged = StagedMultipart(cast("Bucket", bucket), lanes, PATH)
            try:
                await staged.write(bytes(size))
                await staged.seal()
            except Unavailable:
                pass
            finally:
                await staged.discard()
                await lanes.calls.close()
                await lanes.parts.close()

    asyncio.run(give_up())
    assert bucket.objects == {}
    assert bucket.uploads == {}
