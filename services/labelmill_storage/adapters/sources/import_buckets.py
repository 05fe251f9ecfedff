"""Buckets that imports may read: blocking calls of the minio SDK, whose failures leave as Labelmill errors."""

from __future__ import annotations

import io
import time
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import urllib3
from minio import Minio
from minio.error import InvalidResponseError, S3Error, ServerError
from pydantic import SecretStr

from labelmill_runtime.errors import LabelmillError
from labelmill_storage.imports.importing import SMALL_BYTES
from labelmill_storage.imports.ports import Loaded, Unreadable
from labelmill_storage.imports.sources import SourceForbidden, SourceMissing, SourceUnavailable

_PIECE_BYTES = 1024 * 1024
_PAUSES_S = (0.5, 1.0, 2.0, 4.0)
_RANGE_BYTES = 4 * 1024 * 1024
_GONE = frozenset({"NoSuchKey", "NoSuchObject", "ResourceNotFound"})
_DENIED = frozenset({"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"})
_BUSY = frozenset({"InternalError", "SlowDown", "ServiceUnavailable", "RequestTimeout", "OperationAborted"})


class ObjectGone(Exception):
    """There is no such object (any more)."""


@dataclass(frozen=True, slots=True)
class ListedKey:
    """An object in a listing."""

    key: str
    etag: str
    size_bytes: int

    @property
    def fingerprint(self) -> str:
        """Changes when the object does."""
        return f"{self.etag}-{self.size_bytes}"


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the buckets are, and by which credentials they are read."""

    endpoint: str = ""
    access_key: str = ""
    secret_key: SecretStr = field(default_factory=lambda: SecretStr(""))
    secure: bool = True
    region: str = "us-east-1"


class ImportBuckets:
    """The buckets of one S3 server that imports may read.

    Args:
        connection: The server; without an endpoint, there is none.
        allowed: The buckets.
        width: How many connections at most.
    """

    def __init__(self, connection: Connection, allowed: Collection[str], width: int = 8) -> None:
        self._allowed = frozenset(allowed) if connection.endpoint else frozenset()
        self._http = urllib3.PoolManager(
            maxsize=width,
            timeout=urllib3.Timeout(connect=2, read=20),
            retries=urllib3.Retry(total=1, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504)),
        )
        self._client = connection.endpoint and Minio(
            connection.endpoint,
            connection.access_key,
            connection.secret_key.get_secret_value(),
            secure=connection.secure,
            region=connection.region,
            http_client=self._http,
        )

    def check(self, bucket: str) -> None:
        """Refuses a bucket that the settings do not name."""
        if bucket not in self._allowed:
            raise SourceForbidden(
                "The service may not import from this bucket: see LABELMILL_STORAGE_IMPORT_ENDPOINT and "
                "LABELMILL_STORAGE_IMPORT_BUCKETS."
            )

    def list(self, bucket: str, prefix: str, after: str) -> Iterator[ListedKey]:
        """The objects of a prefix in the server's order; markers of empty folders are none."""
        with failures(), self._of(bucket) as client:
            for found in client.list_objects(bucket, prefix=prefix, recursive=True, start_after=after or None):
                if found.is_dir or (str(found.object_name).endswith("/") and not found.size):
                    continue
                yield ListedKey(str(found.object_name), str(found.etag or "").strip('"'), found.size or 0)

    def stat(self, bucket: str, key: str) -> ListedKey:
        """One object; raises ObjectGone."""
        with failures(), self._of(bucket) as client:
            found = client.stat_object(bucket, key)
            return ListedKey(key, str(found.etag or "").strip('"'), found.size or 0)

    def load(self, bucket: str, key: str) -> Loaded:
        """Reads a small object as a whole."""
        try:
            with failures(), self._of(bucket) as client, _body(client, bucket, key) as response:
                size = int(response.headers.get("Content-Length", 0))
                listed = ListedKey(key, str(response.headers.get("ETag", "")).strip('"'), size)
                if size > SMALL_BYTES:
                    return Loaded(listed.fingerprint, None, is_large=True)
                return Loaded(listed.fingerprint, bytes(response.read()))
        except ObjectGone:
            return Loaded("", None)
        except LabelmillError as error:
            return Loaded("", error)

    def pieces(self, bucket: str, key: str) -> Iterator[bytes]:
        """Reads a large object; raises Unreadable when it is gone."""
        try:
            with failures(), self._of(bucket) as client, _body(client, bucket, key) as response:
                yield from response.stream(_PIECE_BYTES)
        except ObjectGone:
            raise Unreadable("it went while it was read") from None

    def part(self, bucket: str, key: str, etag: str, offset: int, length: int) -> bytes:
        """Some bytes of an object that must still be the same."""
        with failures(), self._of(bucket) as client:
            same: dict[str, str | list[str] | tuple[str]] = {"If-Match": f'"{etag}"'}
            response = client.get_object(bucket, key, offset=offset, length=length, request_headers=same)
            with _released(response):
                return bytes(response.read())

    def close(self) -> None:
        """Closes the connections."""
        self._http.clear()

    @contextmanager
    def _of(self, bucket: str) -> Iterator[Minio]:
        self.check(bucket)
        assert self._client
        yield self._client


class ObjectFile(io.RawIOBase):
    """An object as a file that can be read at any place, by ranges; wrap it into a BufferedReader."""

    def __init__(self, buckets: ImportBuckets, bucket: str, listed: ListedKey) -> None:
        self._buckets = buckets
        self._bucket = bucket
        self._listed = listed
        self._at = 0

    @classmethod
    def open(cls, buckets: ImportBuckets, bucket: str, listed: ListedKey) -> io.BufferedReader:
        """The object, buffered."""
        return io.BufferedReader(cls(buckets, bucket, listed), _RANGE_BYTES)

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves the place to read next."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._listed.size_bytes}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        """The place to read next."""
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Reads some bytes."""
        length = min(len(buffer), self._listed.size_bytes - self._at)
        if length <= 0:
            return 0
        data = self._part(length)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _part(self, length: int) -> bytes:
        # Whoever reads a file cannot begin again in its middle, so patience is needed here.
        for pause in _PAUSES_S:
            try:
                return self._buckets.part(self._bucket, self._listed.key, self._listed.etag, self._at, length)
            except SourceUnavailable:
                time.sleep(pause)
        return self._buckets.part(self._bucket, self._listed.key, self._listed.etag, self._at, length)


@contextmanager
def failures() -> Iterator[None]:
    """Names what goes wrong in a call of the SDK."""
    try:
        yield
    except S3Error as error:
        code = str(error.code)
        if code in _GONE:
            raise ObjectGone from None
        if code == "NoSuchBucket":
            raise SourceMissing("bucket") from None
        if code in _DENIED:
            raise SourceForbidden("The S3 server does not let the service read this.") from None
        if code in _BUSY or code == "PreconditionFailed":  # the latter: it was written a moment ago
            raise SourceUnavailable from None
        raise Unreadable("the S3 server refuses it") from None
    except (urllib3.exceptions.HTTPError, ServerError, InvalidResponseError, OSError):
        raise SourceUnavailable from None
    except ValueError:  # keys that the SDK does not take, such as those with parts ".."
        raise Unreadable("its key cannot be asked for") from None


@contextmanager
def _body(client: Minio, bucket: str, key: str) -> Iterator[urllib3.BaseHTTPResponse]:
    with _released(client.get_object(bucket, key)) as response:
        yield response


@contextmanager
def _released(response: urllib3.BaseHTTPResponse) -> Iterator[urllib3.BaseHTTPResponse]:
    with closing(response):
        try:
            yield response
        finally:
            response.release_conn()
