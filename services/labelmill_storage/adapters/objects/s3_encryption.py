"""The headers that ask an S3 server to encrypt an object."""

from __future__ import annotations

from typing import Literal

from minio.sse import SseKMS, SseS3


def headers_of(sse: Literal["none", "s3", "kms"], kms_key_id: str) -> dict[str, str]:
    """For every request that makes an object: a PUT, the beginning of a multipart upload, a presigned PUT."""
    if sse == "s3":
        return SseS3().headers()
    if sse == "kms":
        return SseKMS(kms_key_id, {}).headers()
    return {}
