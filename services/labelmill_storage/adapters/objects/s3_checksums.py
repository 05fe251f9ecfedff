"""Whether an S3 server compares what is put by URL with the SHA-256 that is signed into the URL: tried, not believed.

Only then can an upload by URL be recorded without reading all of it back: the signature binds the PUT to the header
x-amz-checksum-sha256, and the server refuses a body that has another one.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import urllib3

from labelmill_runtime.errors import LabelmillError
from labelmill_storage.adapters.objects.s3_calls import Bucket
from labelmill_storage.adapters.objects.s3_presign import Signer

HEADER = "x-amz-checksum-sha256"
_TRIED = b"Labelmill asks whether checksums are compared."
_OTHER = b"Labelmill asks whether checksums are compared?"
_LIVES_S = 60
_REFUSED = 400
_FAULT = 500


def header_of(sha256: str) -> dict[str, str]:
    """The header by which a server is told a SHA-256, given in hex."""
    return {HEADER: base64.b64encode(bytes.fromhex(sha256)).decode()}


def told_by(headers: Mapping[str, str]) -> str:
    """The SHA-256 of the whole of an object in the headers of an answer, in hex; empty where there is none."""
    try:
        digest = base64.b64decode(headers.get(HEADER, ""), validate=True)
    except ValueError:
        return ""  # of an object in parts it is the hash of their hashes, "...-3"
    return digest.hex() if len(digest) == hashlib.sha256().digest_size else ""


class CheckedPuts:
    """One bucket's answer, asked for once."""

    def __init__(
        self,
        bucket: Bucket,
        signer: Signer,
        http: urllib3.PoolManager,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Asks nothing yet.

        Args:
            bucket: The bucket.
            signer: Signs for the address by which this process reaches the server.
            http: Connections.
            now: The clock.
        """
        self._bucket = bucket
        self._signer = signer
        self._http = http
        self._now = now
        self._known: bool | None = None

    def hold(self) -> bool:
        """Whether a PUT of other bytes is refused, and the right one taken. Blocks; asks again after a fault."""
        if self._known is None:
            path = f"_checks/{secrets.token_hex(16)}"
            try:
                self._known = self._try(path)
                self._bucket.remove([path])
            except (LabelmillError, urllib3.exceptions.HTTPError, OSError):
                return bool(self._known)  # away for a moment: this upload is read back
        return self._known

    def _try(self, path: str) -> bool:
        if self._put(path, _OTHER) != _REFUSED or self._bucket.head(path) is not None:
            return False
        if not 200 <= self._put(path, _TRIED) < 300:
            return False
        head = self._bucket.head(path)
        return head is not None and told_by(head) == hashlib.sha256(_TRIED).hexdigest()

    def _put(self, path: str, body: bytes) -> int:
        headers = {**header_of(hashlib.sha256(_TRIED).hexdigest()), **self._bucket.encryption}
        url = self._signer.url("PUT", f"{self._bucket.name}/{path}", _LIVES_S, self._now(), headers=headers)
        status = self._http.request("PUT", url, body=body, headers=headers, retries=False).status
        if status >= _FAULT:
            raise ConnectionError("the server failed")  # which says nothing about what it compares
        return status
