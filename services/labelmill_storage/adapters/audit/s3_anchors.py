"""Heads of the audit log as objects of an S3 bucket: `_audit/<project>/<sequence, 20 digits>.json`.

Every version counts, also one that was overwritten or deleted: in a bucket with object lock nobody who holds the
credentials of storage can make an anchor disappear.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import partial

from minio import Minio

from labelmill_storage.adapters.objects.s3_calls import Bucket, ObjectVersion, http_pool
from labelmill_storage.adapters.objects.threads import Threads
from labelmill_storage.convert.audit import head_line, parse_head
from labelmill_storage.gate.audit import SignedHead

FOLDER = "_audit/"  # no project id begins with an underscore, so no content lies below
_THREADS = 4


class S3Anchors:
    """AuditAnchors in a bucket; the credentials need to put, to get versions and to list them."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._threads = Threads(_THREADS, "anchors")

    @staticmethod
    def client(endpoint: str, access_key: str, secret_key: str, *, secure: bool, region: str) -> Minio:
        """A client with few connections."""
        pool = http_pool(_THREADS)
        return Minio(endpoint, access_key, secret_key, secure=secure, region=region, http_client=pool)

    async def write(self, head: SignedHead) -> None:
        """Puts an object; the server's answer means that it is durable."""
        path = f"{_folder(head.head.project)}{head.head.sequence:020}.json"
        await self._threads.run(partial(self._bucket.put, path, head_line(head)))

    async def newest(self, project: str, count: int) -> Sequence[SignedHead]:
        """The objects with the highest numbers."""
        versions = await self._threads.run(partial(self._last_versions, project, count))
        lines = await self._threads.spread(versions, self._read_all)
        return [parse_head(project, line) for slice_ in lines for line in slice_]

    async def close(self) -> None:
        """Releases threads."""
        await self._threads.close()

    def _last_versions(self, project: str, count: int) -> list[ObjectVersion]:
        versions = self._bucket.versions(_folder(project))
        return list(deque(sorted(versions, key=lambda version: version.path), maxlen=count))

    def _read_all(self, versions: Sequence[ObjectVersion]) -> list[bytes]:
        return [self._bucket.read_version(version) for version in versions]


def _folder(project: str) -> str:
    return f"{FOLDER}{project}/"
