"""One bucket of an S3 server through the minio SDK: blocking calls, whose failures leave as Labelmill errors."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import urllib3
from minio import Minio
from minio.commonconfig import ComposeSource
from minio.deleteobjects import DeleteObject
from minio.error import InvalidResponseError, S3Error, ServerError

from labelmill_runtime.errors import Internal, ResourceExhausted, Unavailable
from labelmill_storage.ports import ObjectMissing

_BUSY = frozenset({"InternalError", "SlowDown", "ServiceUnavailable", "RequestTimeout", "OperationAborted"})
_FULL = frozenset({"XMinioStorageFull", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded"})
_ABSENT = frozenset({"NoSuchKey", "NoSuchObject", "ResourceNotFound"})


def http_pool(width: int) -> urllib3.PoolManager:
    """Connections with limits: the SDK's own wait five minutes for an answer and retry five times."""
    return urllib3.PoolManager(
        maxsize=width,
        timeout=urllib3.Timeout(connect=2, read=30),
        retries=urllib3.Retry(total=3, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504)),
    )


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """A version of an object."""

    path: str
    id: str | None
    """None where the bucket keeps no versions."""


class Bucket:
    """One bucket, by the credentials of that bucket alone."""

    def __init__(self, client: Minio, name: str) -> None:
        self._client = client
        self._name = name

    def put(self, path: str, data: bytes) -> None:
        """Writes an object as a whole."""
        with _named_failures():
            self._client.put_object(self._name, path, io.BytesIO(data), len(data))

    def compose(self, path: str, parts: Sequence[str]) -> None:
        """Puts an object together from others, on the server."""
        with _named_failures():
            self._client.compose_object(self._name, path, [ComposeSource(self._name, part) for part in parts])

    def read(self, path: str, offset: int = 0, length: int = 0) -> bytes:
        """Bytes of an object; length 0: to its end."""
        with _named_failures():
            try:
                response = self._client.get_object(self._name, path, offset=offset, length=length)
            except S3Error as error:
                if error.code == "InvalidRange":
                    return b""  # from the end on there is nothing
                raise
            try:
                return bytes(response.read())
            finally:
                response.close()
                response.release_conn()

    def exists(self, path: str) -> bool:
        """Whether there is such an object."""
        try:
            with _named_failures():
                self._client.stat_object(self._name, path)
        except ObjectMissing:
            return False
        return True

    def older_than(self, prefix: str, moment: datetime) -> list[str]:
        """The objects below a prefix that were written before a moment."""
        with _named_failures():
            found = self._client.list_objects(self._name, prefix=prefix, recursive=True)
            return [str(o.object_name) for o in found if o.last_modified is None or o.last_modified < moment]

    def versions(self, prefix: str) -> list[ObjectVersion]:
        """Every version of every object below a prefix, also where the bucket has versions and they were deleted."""
        with _named_failures():
            found = self._client.list_objects(self._name, prefix=prefix, recursive=True, include_version=True)
            return [
                ObjectVersion(str(o.object_name), None if o.version_id in (None, "null") else o.version_id)
                for o in found
                if not (o.is_delete_marker or o.is_dir)
            ]

    def read_version(self, version: ObjectVersion) -> bytes:
        """One version as a whole."""
        with _named_failures():
            response = self._client.get_object(self._name, version.path, version_id=version.id)
            try:
                return bytes(response.read())
            finally:
                response.close()
                response.release_conn()

    def remove(self, paths: Sequence[str]) -> None:
        """Removes objects; those that are gone already are fine."""
        with _named_failures():
            for error in self._client.remove_objects(self._name, [DeleteObject(path) for path in paths]):
                if error.code not in _ABSENT:
                    raise _unavailable()

    def answers(self) -> bool:
        """Whether the bucket is there and the credentials are good for it."""
        with _named_failures():
            return bool(self._client.bucket_exists(self._name))


@contextmanager
def _named_failures() -> Iterator[None]:
    try:
        yield
    except S3Error as error:
        if error.code in _ABSENT:
            raise ObjectMissing from None
        if error.code in _FULL:
            raise ResourceExhausted("STORE_FULL", "The object store has no room left.", retry_after_s=60) from None
        if error.code in _BUSY:
            raise _unavailable() from None
        message = "The object store refused the service's own request; its operator must look at the settings."
        raise Internal("STORE_REFUSED", message, metadata={"s3_code": str(error.code)}) from None
    except (urllib3.exceptions.HTTPError, ServerError, InvalidResponseError, OSError):
        raise _unavailable() from None


def _unavailable() -> Unavailable:
    return Unavailable("STORE_UNAVAILABLE", "The object store cannot be reached right now.", retry_after_s=1)
