"""Objects in MinIO, or any S3 server: a bucket for RAW and one for CLEAN.

`<project>/<aa>/<sha256>` is where an object of one part lies, `<project>/large/<token>` where a larger one does: its
SHA-256 is known only when it is there already. A multipart upload that is not complete is not readable.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from minio import Minio

from labelmill_runtime.errors import LabelmillError
from labelmill_storage.adapters.objects.multipart import Lanes, StagedMultipart, arrived
from labelmill_storage.adapters.objects.s3_calls import Bucket, http_pool
from labelmill_storage.adapters.objects.s3_checksums import CheckedPuts, header_of
from labelmill_storage.adapters.objects.s3_presign import Signer
from labelmill_storage.adapters.objects.threads import Threads
from labelmill_storage.assets import Content, Zone
from labelmill_storage.ports import ListedObject, ObjectKey, ObjectMissing, SignedUrl, UploadActive

_PART_THREADS = 4
_ANONYMOUS = "s-"
"""Begins the token of an object that is gone with its connection; `u-` that of an upload that is not."""
_HANDLE = re.compile(r"(?P<path>[a-z][a-z0-9-]*/large/u-[0-9a-f]{32})\|(?P<size>[0-9]+)\|(?P<upload_id>.*)")


@dataclass(frozen=True)
class BucketAccess:
    """A bucket and the credentials for it."""

    bucket: str
    access_key: str
    secret_key: str
    encryption: Mapping[str, str] | None = None
    """Headers that ask for server-side encryption."""


class MinioStore:
    """An ObjectStore on an S3 server."""

    def __init__(
        self,
        endpoint: str,
        zones: Mapping[Zone, BucketAccess],
        *,
        spool_dir: Path,
        secure: bool = True,
        region: str = "us-east-1",
        public_url: str = "",
        threads: int = 8,
        part_bytes: int = 8 * 1024 * 1024,
        staging_age: timedelta = timedelta(hours=24),
        read_timeout_s: float = 30.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """A store on one server.

        Args:
            endpoint: host:port.
            zones: The bucket of each zone.
            spool_dir: Where parts wait; needs some four parts of room for each upload under way.
            secure: TLS to the endpoint.
            region: The region that requests are signed for.
            public_url: https://host[:port] in URLs for others; empty: the endpoint.
            threads: For calls; half as many send parts, four at most.
            part_bytes: How large a part is.
            staging_age: Multipart uploads older than this are of dead connections.
            read_timeout_s: How long an answer may take.
            now: The clock.
        """
        part_threads = max(2, min(_PART_THREADS, threads // 2))
        pool = http_pool(threads + part_threads, read_timeout_s=read_timeout_s)
        self._buckets: dict[Zone, Bucket] = {}
        self._signers: dict[Zone, Signer] = {}
        self._checked: dict[Zone, CheckedPuts] = {}
        inside = f"{'https' if secure else 'http'}://{endpoint}"
        base = public_url.rstrip("/") or inside
        for zone, to in zones.items():
            client = Minio(endpoint, to.access_key, to.secret_key, secure=secure, region=region, http_client=pool)
            self._buckets[zone] = Bucket(client, to.bucket, to.encryption or {})
            self._signers[zone] = Signer(base, region, to.access_key, to.secret_key)
            signer = Signer(inside, region, to.access_key, to.secret_key)
            self._checked[zone] = CheckedPuts(self._buckets[zone], signer, pool, now)
        self._http = pool
        self._threads = Threads(threads, "minio")
        self._lanes = Lanes(self._threads, Threads(part_threads, "minio-parts"), spool_dir, part_bytes)
        self._staging_age = staging_age
        self._now = now
        self._active: set[str] = set()

    async def start(self) -> None:
        """Nothing: the S3 server itself serves URLs."""

    @asynccontextmanager
    async def stage(self, zone: Zone, project: str) -> AsyncIterator[StagedMultipart]:
        """Begins an object."""
        staged = StagedMultipart(self._buckets[zone], self._lanes, _new_path(project, _ANONYMOUS))
        try:
            yield staged
        finally:
            await staged.discard()

    async def begin_upload(self, zone: Zone, project: str, size_bytes: int, *, by_url: bool = False) -> str:
        """Begins a multipart upload, unless one part or one PUT is enough: then there is nothing to continue by."""
        path, upload_id = _new_path(project, "u-"), ""
        if not by_url and not 0 < size_bytes <= self._lanes.part_bytes:
            upload_id = await self._threads.run(partial(self._buckets[zone].begin, path))
        return f"{path}|{size_bytes}|{upload_id}"

    @asynccontextmanager
    async def continue_upload(self, zone: Zone, handle: str) -> AsyncIterator[StagedMultipart]:
        """Goes on after the parts that are there.

        Two at once are told apart within this process alone. Two replicas may send the same part; what is made of it is
        what the one that completes has sent, for the server compares each part's ETag.
        """
        upload = _Handle.parse(handle)
        if handle in self._active:
            raise UploadActive
        self._active.add(handle)
        try:
            staged = StagedMultipart(self._buckets[zone], self._lanes, upload.path, upload.upload_id)
            try:
                await staged.resume()
                if staged.put_sha256 and not await self._threads.run(self._checked[zone].hold):
                    staged.doubt()
                yield staged
            finally:
                await staged.discard(keep=True)
        finally:
            self._active.discard(handle)

    async def received(self, zone: Zone, handle: str) -> int:
        """How many bytes are in parts that are there, or in the object that a URL brought."""
        upload = _Handle.parse(handle)
        found = await self._threads.run(partial(arrived, self._buckets[zone], upload.path, upload.upload_id))
        return found.size_bytes

    async def drop_upload(self, zone: Zone, handle: str) -> None:
        """Removes parts and object."""
        upload = _Handle.parse(handle)
        await self._threads.run(partial(_drop, self._buckets[zone], upload))

    async def upload_url(self, zone: Zone, handle: str, expires_in_s: int, sha256: str = "") -> SignedUrl:
        """A presigned PUT that works once, for exactly the size, and, if the server compares it, the hash announced."""
        upload, bucket, now = _Handle.parse(handle), self._buckets[zone], self._now()
        headers = {"If-None-Match": "*", **bucket.encryption}
        compared = await self._threads.run(self._checked[zone].hold) if sha256 else False
        if compared:
            headers |= header_of(sha256)
        if upload.size_bytes:
            headers["Content-Length"] = str(upload.size_bytes)
        url = self._signers[zone].url("PUT", f"{bucket.name}/{upload.path}", expires_in_s, now, headers=headers)
        return SignedUrl(url, "PUT", headers, _end(now, expires_in_s))

    async def download_url(self, key: ObjectKey, content: Content, expires_in_s: int) -> SignedUrl:
        """A presigned GET, whose answer is an attachment of the recorded media type that caches do not keep."""
        query = {
            "response-cache-control": "private, no-store",
            "response-content-disposition": "attachment",
            "response-content-type": content.media_type,
        }
        now, name = self._now(), self._buckets[key.zone].name
        url = self._signers[key.zone].url("GET", f"{name}/{key.path}", expires_in_s, now, query=query)
        return SignedUrl(url, "GET", {}, _end(now, expires_in_s))

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
        return await self._threads.run(partial(self._buckets[key.zone].size, key.path)) is not None

    async def remove_many(self, zone: Zone, paths: Sequence[str]) -> None:
        """Removes objects, a thousand with one request."""
        if paths:
            await self._threads.run(partial(self._buckets[zone].remove, paths))

    async def list_objects(self, zone: Zone) -> AsyncIterator[Sequence[ListedObject]]:
        """The objects of a bucket, a thousand at a time."""
        pages: Iterator[list[ListedObject]] = self._buckets[zone].pages()
        while page := await self._threads.run(partial(next, pages, [])):
            yield page

    async def sweep(self) -> int:
        """Aborts multipart uploads of connections that must be dead; those of uploads that can be continued stay.

        A MinIO server lists none, and aborts all of them by itself after a day (its `stale_uploads_expiry`).
        """
        return sum(await self._threads.spread(list(self._buckets.values()), self._sweep))

    async def ping(self) -> bool:
        """Whether both buckets answer."""
        return all(
            await self._threads.spread(list(self._buckets.values()), lambda part: all(b.answers() for b in part))
        )

    async def close(self) -> None:
        """Releases threads and connections."""
        await self._threads.close()
        await self._lanes.parts.close()
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
        aborted = 0
        for bucket in buckets:
            for path, upload_id in bucket.begun_before(self._now() - self._staging_age):
                if f"/large/{_ANONYMOUS}" in path:
                    bucket.abort(path, upload_id)
                    aborted += 1
        return aborted


@dataclass(frozen=True, slots=True)
class _Handle:
    """An upload that can be continued, as it is recorded: <path>|<announced size>|<multipart id or nothing>."""

    path: str
    size_bytes: int
    upload_id: str

    @classmethod
    def parse(cls, handle: str) -> _Handle:
        found = _HANDLE.fullmatch(handle)
        if found is None:
            raise ObjectMissing
        return cls(found["path"], int(found["size"]), found["upload_id"])


def _drop(bucket: Bucket, upload: _Handle) -> None:
    if upload.upload_id:
        bucket.abort(upload.path, upload.upload_id)
    bucket.remove([upload.path])


def _new_path(project: str, kind: str) -> str:
    return f"{project}/large/{kind}{secrets.token_hex(16)}"


def _end(now: datetime, expires_in_s: int) -> datetime:
    return now.replace(microsecond=0) + timedelta(seconds=expires_in_s)
