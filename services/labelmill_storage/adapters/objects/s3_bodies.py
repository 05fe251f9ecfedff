"""Large bodies to an S3 server in small pieces. The SDK's own requests take a body as a whole, in memory.

Signed as the SDK signs, by its own function: over plain HTTP with the body's SHA-256, over TLS with its MD5 beside an
unsigned payload; either way the server refuses a body that arrives otherwise.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlunsplit

from minio import Minio, signer, time
from minio.error import S3Error, ServerError

PIECE_BYTES = 256 * 1024


class Body(Protocol):
    """A body that can be read more than once, as urllib3 wants it."""

    def __len__(self) -> int:
        """Its bytes."""

    def read(self, size: int = -1) -> bytes:
        """The next bytes; none at the end."""

    def seek(self, offset: int) -> int:
        """Goes to a place from the start."""

    def tell(self) -> int:
        """Where it is."""


def put(client: Minio, bucket: str, path: str, body: Body, headers: Mapping[str, str], query: Mapping[str, str]) -> str:
    """One PUT of an object or a part; returns its ETag. Raises as the SDK does."""
    region = client._get_region(bucket)
    url = client._base_url.build(
        method="PUT", region=region, bucket_name=bucket, object_name=path, query_params=dict(query)
    )
    now, secure = time.utcnow(), url.scheme == "https"
    digest = _digest(body, "md5" if secure else "sha256")
    said: dict[str, Any] = {
        **headers,
        "Host": url.netloc,
        "Content-Length": str(len(body)),
        "x-amz-date": time.to_amz_date(now),
        "x-amz-content-sha256": "UNSIGNED-PAYLOAD" if secure else digest.hex(),
    }
    if secure:
        said["Content-MD5"] = base64.b64encode(digest).decode()
    assert client._provider is not None
    signed = signer.sign_v4_s3(
        method="PUT",
        url=url,
        region=region,
        headers=said,
        credentials=client._provider.retrieve(),
        content_sha256=said["x-amz-content-sha256"],
        date=now,
    )
    response = client._http.urlopen("PUT", urlunsplit(url), body=body, headers=signed)
    if response.status == 200:
        return response.headers.get("etag", "").replace('"', "")
    if "xml" in response.headers.get("content-type", "") and response.data:
        raise S3Error.fromxml(response)
    raise ServerError("the server failed", response.status)


def _digest(body: Body, algorithm: str) -> bytes:
    digest = hashlib.new(algorithm, usedforsecurity=False)
    while piece := body.read(PIECE_BYTES):
        digest.update(piece)
    body.seek(0)
    return digest.digest()
