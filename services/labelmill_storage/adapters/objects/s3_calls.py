"""One bucket of an S3 server through the minio SDK: blocking calls, whose failures leave as Labelmill errors.

The SDK's public calls know no multipart upload that goes on in another process, so a few of its private ones
(`_put_object`, `_create_multipart_upload` and its sisters, one S3 request each) are called here and nowhere else. They
have kept their form throughout 7.x; the dependency is pinned to 7.2, and the tests use every one on a real server.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import urllib3
from minio import Minio
from minio.datatypes import Part
from minio.deleteobjects import DeleteObject
from minio.error import InvalidResponseError, S3Error, ServerError

from labelmill_runtime.errors import Internal, ResourceExhausted, Unavailable
from labelmill_storage.adapters.objects import s3_bodies
from labelmill_storage.adapters.objects.s3_bodies import Body
from labelmill_storage.ports import ListedObject, ObjectMissing

_BUSY = frozenset({"InternalError", "SlowDown", "ServiceUnavailable", "RequestTimeout", "OperationAborted"})
_FULL = frozenset({"XMinioStorageFull", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded"})
_ABSENT = frozenset({"NoSuchKey", "NoSuchObject", "NoSuchUpload", "ResourceNotFound"})
_PAGE = 1000


def http_pool(width: int, *, read_timeout_s: float = 30.0) -> urllib3.PoolManager:
    """Connections with limits: the SDK's own wait five minutes for an answer and retry five times."""
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings hold the paths of objects
    return urllib3.PoolManager(
        maxsize=width,
        blocksize=s3_bodies.PIECE_BYTES,
        timeout=urllib3.Timeout(connect=2, read=read_timeout_s),
        # POST as well: to begin twice leaves an upload to sweep, and `complete` expects to have succeeded before.
        retries=urllib3.Retry(
            total=3, read=1, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504), allowed_methods=None
        ),
    )


@dataclass(frozen=True, slots=True)
class SentPart:
    """A part of a multipart upload that the server has."""

    number: int
    etag: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """A version of an object."""

    path: str
    id: str | None
    """None where the bucket keeps no versions."""


@dataclass(frozen=True)
class Bucket:
    """One bucket, by the credentials of that bucket alone."""

    client: Minio
    name: str
    encryption: Mapping[str, str] = field(default_factory=dict)
    """The headers that ask for server-side encryption, on every request that makes an object."""

    def put(self, path: str, data: bytes) -> None:
        """Writes an object as a whole."""
        with _named_failures():
            self.client._put_object(self.name, path, data, self._headers())

    def put_body(self, path: str, body: Body) -> None:
        """Writes an object as a whole, of which never more than a piece is in memory."""
        with _named_failures():
            s3_bodies.put(self.client, self.name, path, body, self._headers(), {})

    def begin(self, path: str) -> str:
        """Begins a multipart upload; returns its id."""
        with _named_failures():
            return self.client._create_multipart_upload(self.name, path, self._headers())

    def send(self, path: str, upload_id: str, number: int, body: Body) -> SentPart:
        """Sends a part; the same number again replaces it. Raises ObjectMissing for an upload that is gone."""
        query = {"partNumber": str(number), "uploadId": upload_id}
        with _named_failures():
            etag = s3_bodies.put(self.client, self.name, path, body, {}, query)
        return SentPart(number, etag, len(body))

    def parts(self, path: str, upload_id: str) -> list[SentPart]:
        """The parts that are there, in order. Raises ObjectMissing for an upload that is gone."""
        found: list[SentPart] = []
        after = None
        while True:
            with _named_failures():
                page = self.client._list_parts(self.name, path, upload_id, _PAGE, after)
            found += [SentPart(part.part_number, part.etag, part.size or 0) for part in page.parts]
            if not page.is_truncated or not page.parts:
                return sorted(found, key=lambda part: part.number)
            after = str(page.parts[-1].part_number)

    def complete(self, path: str, upload_id: str, parts: Sequence[SentPart]) -> None:
        """Makes the parts an object; the same again, after an answer that got lost, is fine.

        Raises:
            ObjectMissing: The upload is gone, or a part was replaced by other bytes.
        """
        named = [Part(part.number, part.etag) for part in parts]
        try:
            with _named_failures():
                self.client._complete_multipart_upload(self.name, path, upload_id, named)
        except ObjectMissing:
            if self.size(path) != sum(part.size_bytes for part in parts):
                raise

    def abort(self, path: str, upload_id: str) -> None:
        """Throws a multipart upload away; one that is gone already is fine."""
        with suppress(ObjectMissing), _named_failures():
            self.client._abort_multipart_upload(self.name, path, upload_id)

    def begun_before(self, moment: datetime) -> list[tuple[str, str]]:
        """(path, id) of the multipart uploads that were begun before a moment and are not complete."""
        found: list[tuple[str, str]] = []
        key, last_id = None, None
        while True:
            with _named_failures():
                page = self.client._list_multipart_uploads(
                    self.name, max_uploads=_PAGE, key_marker=key, upload_id_marker=last_id
                )
            old = (u for u in page.uploads if u.initiated_time is not None and u.initiated_time < moment)
            found += [(upload.object_name, str(upload.upload_id)) for upload in old]
            # SDK 7.2 files the second marker under a name of its own; some servers order by it alone.
            key, last_id = page.next_key_marker, vars(page).get("self._next_upload_id_marker")
            if not page.is_truncated or not (key or last_id):
                return found

    def read(self, path: str, offset: int = 0, length: int = 0) -> bytes:
        """Bytes of an object; length 0: to its end."""
        with _named_failures():
            try:
                response = self.client.get_object(self.name, path, offset=offset, length=length)
            except S3Error as error:
                if error.code == "InvalidRange":
                    return b""  # from the end on there is nothing
                raise
            try:
                return bytes(response.read())
            finally:
                response.close()
                response.release_conn()

    def size(self, path: str) -> int | None:
        """How many bytes an object has; None if there is no such object."""
        head = self.head(path)
        return None if head is None else int(head.get("content-length", "0"))

    def head(self, path: str) -> Mapping[str, str] | None:
        """The headers of an object, its checksum among them if the server has one; None if there is no such object."""
        try:
            with _named_failures():
                found = self.client.stat_object(self.name, path, extra_headers={"x-amz-checksum-mode": "ENABLED"})
        except ObjectMissing:
            return None
        return found.metadata or {}

    def pages(self) -> Iterator[list[ListedObject]]:
        """All objects, page by page. Raises as it goes."""
        found = self.client.list_objects(self.name, recursive=True)
        while True:
            with _named_failures():
                page = [_listed(entry) for entry in islice(found, _PAGE)]
            if not page:
                return
            yield page

    def versions(self, prefix: str) -> list[ObjectVersion]:
        """Every version of every object below a prefix, also where the bucket has versions and they were deleted."""
        with _named_failures():
            found = self.client.list_objects(self.name, prefix=prefix, recursive=True, include_version=True)
            return [
                ObjectVersion(str(o.object_name), None if o.version_id in (None, "null") else o.version_id)
                for o in found
                if not (o.is_delete_marker or o.is_dir)
            ]

    def read_version(self, version: ObjectVersion) -> bytes:
        """One version as a whole."""
        with _named_failures():
            response = self.client.get_object(self.name, version.path, version_id=version.id)
            try:
                return bytes(response.read())
            finally:
                response.close()
                response.release_conn()

    def remove(self, paths: Sequence[str]) -> None:
        """Removes objects; those that are gone already are fine."""
        with _named_failures():
            for error in self.client.remove_objects(self.name, [DeleteObject(path) for path in paths]):
                if error.code not in _ABSENT:
                    raise _unavailable()

    def answers(self) -> bool:
        """Whether the bucket is there and the credentials are good for it."""
        with _named_failures():
            return bool(self.client.bucket_exists(self.name))

    def _headers(self) -> dict[str, Any]:
        return {"Content-Type": "application/octet-stream", **self.encryption}


@contextmanager
def _named_failures() -> Iterator[None]:
    try:
        yield
    except S3Error as error:
        if error.code in _ABSENT or error.code == "InvalidPart":
            raise ObjectMissing from None
        if error.code in _FULL:
            raise ResourceExhausted("STORE_FULL", "The object store has no room left.", retry_after_s=60) from None
        if error.code in _BUSY:
            raise _unavailable() from None
        message = "The object store refused the service's own request; its operator must look at the settings."
        raise Internal("STORE_REFUSED", message, metadata={"s3_code": str(error.code)}) from None
    except (urllib3.exceptions.HTTPError, ServerError, InvalidResponseError, OSError):
        raise _unavailable() from None


def _listed(entry: Any) -> ListedObject:
    never = datetime.fromtimestamp(0, UTC)
    return ListedObject(str(entry.object_name), entry.size or 0, entry.last_modified or never)


def _unavailable() -> Unavailable:
    return Unavailable("STORE_UNAVAILABLE", "The object store cannot be reached right now.", retry_after_s=1)
