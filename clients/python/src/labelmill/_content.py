"""Content of any size as the messages of an upload. Large ones go on where they were when a connection breaks."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from labelmill import errors
from labelmill._transport import Transport
from labelmill.storage.v1 import resources_pb2, service_pb2

CHUNK_BYTES = 256 * 1024
RESUMABLE_BYTES = 8 * 1024 * 1024
"""Contents above this size are sent so that they can be continued."""

Source: TypeAlias = str | os.PathLike[str] | bytes | AsyncIterable[bytes]
OnProgress: TypeAlias = Callable[[int, int], None]
"""Told (bytes sent, bytes in all); 0 in all where that is not known."""
_READ_BYTES = 1024 * 1024

_IDS = uuid.UUID("5f0c4a3e-27f5-4e86-9a8f-6a3c1a7c9d10")


@dataclass(frozen=True)
class Upload:
    """One content on its way."""

    transport: Transport
    stub: Any
    header: service_pb2.UploadAssetRequest.Header
    timeout_s: float | None = None
    on_progress: OnProgress | None = None

    async def send(self, source: Source) -> resources_pb2.Asset:
        """Streams header, chunks and checksum; again after UNAVAILABLE where the source can be read again."""
        if not isinstance(source, (bytes, str, os.PathLike)):
            return await self._once(source)
        content = source if isinstance(source, bytes) else Path(source)
        size = len(content) if isinstance(content, bytes) else await _size(content)
        self.header.size_bytes = size
        if size > RESUMABLE_BYTES or self.header.upload_id:
            return await self._resumed(content)
        asset: resources_pb2.Asset = await self.transport.repeat(lambda: self._once(_chunks(content, 0)))
        return asset

    async def _resumed(self, content: bytes | Path) -> resources_pb2.Asset:
        """Sends, and goes on where the server says, until it is done or no try gets any further."""
        header = self.header
        header.sha256 = header.sha256 or await asyncio.to_thread(sha256_of, content)
        known_before = bool(header.upload_id)
        header.upload_id = header.upload_id or str(uuid.uuid4())
        header.offset_bytes = await self._received() if known_before else 0
        furthest, attempt = header.offset_bytes, 0
        while True:
            try:
                return await self._once(_chunks(content, header.offset_bytes))
            except errors.LabelmillError as error:
                if not _may_go_on(error):
                    raise
                header.offset_bytes = await self._received()
                attempt = 1 if header.offset_bytes > furthest else attempt + 1
                furthest = max(furthest, header.offset_bytes)
                delay = self.transport.retry.delay_s(attempt, as_unavailable(error))
                if delay is None:
                    raise
            await asyncio.sleep(delay)

    async def _received(self) -> int:
        name = f"{self.header.parent}/uploads/{self.header.upload_id}"
        try:
            upload = await self.transport.unary(self.stub.GetUpload, service_pb2.GetUploadRequest(name=name))
        except errors.NotFound:
            return 0
        return 0 if upload.asset else int(upload.received_bytes)

    async def _once(self, chunks: AsyncIterable[bytes]) -> resources_pb2.Asset:
        asset: resources_pb2.Asset = await self.transport.send_stream(
            self.stub.UploadAsset, self._messages(chunks), timeout_s=self.timeout_s
        )
        self._tell(self.header.size_bytes or asset.raw.size_bytes)
        return asset

    async def _messages(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[service_pb2.UploadAssetRequest]:
        yield service_pb2.UploadAssetRequest(header=self.header)
        digest, sent = hashlib.sha256(), self.header.offset_bytes
        async for given in chunks:
            for start in range(0, len(given), CHUNK_BYTES):
                chunk = given[start : start + CHUNK_BYTES]
                if not self.header.sha256:
                    digest.update(chunk)
                yield service_pb2.UploadAssetRequest(chunk=chunk)
                sent += len(chunk)
                self._tell(sent)
        yield service_pb2.UploadAssetRequest(sha256=self.header.sha256 or digest.hexdigest())

    def _tell(self, sent: int) -> None:
        if self.on_progress is not None:
            self.on_progress(sent, self.header.size_bytes)


def header(
    parent: str,
    media_type: str,
    external_id: str,
    labels: Mapping[str, str] | None,
    *,
    subject: str = "",
    upload_id: str = "",
    sha256: str = "",
) -> service_pb2.UploadAssetRequest.Header:
    """The first message of an upload."""
    return service_pb2.UploadAssetRequest.Header(
        parent=parent,
        media_type=media_type,
        external_id=external_id,
        labels=labels or {},
        subject=subject,
        upload_id=upload_id,
        sha256=sha256,
    )


def same_upload_id(
    parent: str, sha256: str, *, media_type: str = "", external_id: str = "", labels: Mapping[str, str] | None = None
) -> str:
    """An upload id that is the same whenever the same is uploaded, so that another run goes on where this one ended."""
    return str(
        uuid.uuid5(_IDS, json.dumps([parent, sha256, media_type, external_id, dict(labels or {})], sort_keys=True))
    )


def sha256_of(content: bytes | Path) -> str:
    """The SHA-256 of a content, in lower-case hex. Blocks."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _may_go_on(error: errors.LabelmillError) -> bool:
    """Whether the connection was at fault, not the content: it broke, took too long, or an older one is still open."""
    if isinstance(error, (errors.Unavailable, errors.DeadlineExceeded, errors.Aborted)):
        return True
    return isinstance(error, (errors.Cancelled, errors.Internal, errors.UnknownError)) and not error.reason


def as_unavailable(error: errors.LabelmillError) -> errors.Unavailable:
    """The error as one that a retry may help with."""
    return errors.Unavailable(error.message, retry_after_s=error.retry_after_s)


async def _chunks(source: bytes | Path, offset: int) -> AsyncIterator[bytes]:
    if isinstance(source, bytes):
        yield source[offset:]
        return
    with await asyncio.to_thread(source.open, "rb") as file:
        file.seek(offset)
        while chunk := await asyncio.to_thread(file.read, _READ_BYTES):
            yield chunk


async def _size(path: Path) -> int:
    return (await asyncio.to_thread(path.stat)).st_size
