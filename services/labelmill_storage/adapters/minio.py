"""Objects in MinIO, or any S3 server: a bucket for RAW and one for CLEAN, `<project>/<aa>/<sha256>` in each.

A small object is one PUT. A large one goes up in parts, each an object under `_staging/`, and is put together on the
server once its hash is known: no thread waits for a slow client, and a part is all that is ever in memory.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from minio import Minio

from labelmill_runtime.errors import LabelmillError
from labelmill_storage.adapters.s3_calls import Bucket, http_pool
from labelmill_storage.adapters.threads import Steps, Threads
from labelmill_storage.assets import Zone
from labelmill_storage.ports import ObjectKey

_STAGING = "_staging/"  # no project id begins with an underscore


@dataclass(frozen=True)
class BucketAccess:
    """A bucket and the credentials for it."""

    bucket: str
    access_key: str
    secret_key: str


class MinioStore:
    """An ObjectStore on an S3 server."""

    def __init__(
        self,
        endpoint: str,
        zones: Mapping[Zone, BucketAccess],
        *,
        secure: bool = True,
        region: str = "us-east-1",
        threads: int = 8,
        part_bytes: int = 16 * 1024 * 1024,
        staging_age: timedelta = timedelta(hours=24),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        pool = http_pool(threads)
        self._buckets = {
            zone: Bucket(
                Minio(endpoint, to.access_key, to.secret_key, secure=secure, region=region, http_client=pool), to.bucket
            )
            for zone, to in zones.items()
        }
        self._http = pool
        self._threads = Threads(threads, "minio")
        self._part_bytes = part_bytes
        self._staging_age = staging_age
        self._now = now

    async def start(self) -> None:
        """Nothing: the S3 server itself serves URLs."""

    @asynccontextmanager
    async def stage(self, zone: Zone, project: str) -> AsyncIterator[_StagedParts]:
        """Begins an object."""
        staged = _StagedParts(self._buckets[zone], self._threads, self._part_bytes)
        try:
            yield staged
        finally:
            await staged.discard()

    async def put_many(self, objects: Mapping[ObjectKey, bytes]) -> None:
        """Writes many small objects, a slice of them in each thread."""
        await self._threads.spread(list(objects.items()), self._put_all)

    async def read(self, key: ObjectKey, offset: int, length: int) -> bytes:
        """Bytes of an object."""
        return await self._threads.run(partial(self._buckets[key.zone].read, key.path, offset, length))

    async def read_many(self, keys: Sequence[ObjectKey]) -> list[bytes | LabelmillError]:
        """Many small objects, a slice of them in each thread."""
        slices = await self._threads.spread(keys, self._read_all)
        return [outcome for outcomes in slices for outcome in outcomes]

    async def exists(self, key: ObjectKey) -> bool:
        """Whether there is such an object."""
        return await self._threads.run(partial(self._buckets[key.zone].exists, key.path))

    async def sweep(self) -> int:
        """Removes parts that are too old to belong to a living upload; other replicas' younger ones stay."""
        return sum(await self._threads.spread(list(self._buckets.values()), self._sweep))

    async def ping(self) -> bool:
        """Whether both buckets answer."""
        return all(
            await self._threads.spread(list(self._buckets.values()), lambda part: all(b.answers() for b in part))
        )

    async def close(self) -> None:
        """Releases threads and connections."""
        await self._threads.close()
        self._http.clear()

    def _put_all(self, objects: Sequence[tuple[ObjectKey, bytes]]) -> None:
        for key, data in objects:
            self._buckets[key.zone].put(key.path, data)

    def _read_all(self, keys: Sequence[ObjectKey]) -> list[bytes | LabelmillError]:
        outcomes: list[bytes | LabelmillError] = []
        for key in keys:
            try:
                outcomes.append(self._buckets[key.zone].read(key.path))
            except LabelmillError as error:
                outcomes.append(error)
        return outcomes

    def _sweep(self, buckets: Sequence[Bucket]) -> int:
        removed = 0
        for bucket in buckets:
            paths = bucket.older_than(_STAGING, self._now() - self._staging_age)
            bucket.remove(paths)
            removed += len(paths)
        return removed


class _StagedParts:
    """An object on its way up: what is not a whole part yet is in memory, the rest lies under `_staging/`."""

    def __init__(self, bucket: Bucket, threads: Threads, part_bytes: int) -> None:
        self._bucket = bucket
        self._steps = Steps(threads)
        self._part_bytes = part_bytes
        self._folder = f"{_STAGING}{secrets.token_hex(16)}/"
        self._pending = bytearray()
        self._parts: list[str] = []

    async def write(self, data: bytes) -> None:
        """Adds bytes; sends a part when there is one."""
        self._pending += data
        while len(self._pending) >= self._part_bytes:
            part = bytes(self._pending[: self._part_bytes])
            del self._pending[: self._part_bytes]
            await self._steps.do(partial(self._send, part))

    async def commit(self, key: ObjectKey) -> str:
        """Puts the object in its place."""
        await self._steps.do(partial(self._commit, key, bytes(self._pending)))
        return ""

    async def discard(self) -> None:
        """Removes the parts."""
        await self._steps.last(self._remove)

    def _remove(self) -> None:
        if self._parts:
            self._bucket.remove(self._parts)

    def _send(self, part: bytes) -> None:
        path = f"{self._folder}{len(self._parts):05}"
        self._parts.append(path)  # first: a PUT that seems to have failed may have arrived
        self._bucket.put(path, part)

    def _commit(self, key: ObjectKey, rest: bytes) -> None:
        if not self._parts:
            self._bucket.put(key.path, rest)
            return
        if rest:
            self._send(rest)
        self._bucket.compose(key.path, self._parts)
