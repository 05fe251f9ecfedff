"""Content of any size as the messages of an upload, and back."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from labelmill._transport import Transport
from labelmill.storage.v1 import resources_pb2, service_pb2

CHUNK_BYTES = 256 * 1024
Source: TypeAlias = str | os.PathLike[str] | bytes | AsyncIterable[bytes]


async def upload(
    transport: Transport,
    upload_asset: Callable[..., object],
    header: service_pb2.UploadAssetRequest.Header,
    source: Source,
    timeout_s: float | None,
) -> resources_pb2.Asset:
    """Streams header, chunks and checksum; after UNAVAILABLE from the start where the source can be read again."""
    if not isinstance(source, (bytes, str, os.PathLike)):
        return await _once(transport, upload_asset, header, source, timeout_s)
    header.size_bytes = len(source) if isinstance(source, bytes) else (await _size(Path(source)))
    content = source if isinstance(source, bytes) else Path(source)
    asset: resources_pb2.Asset = await transport.repeat(
        lambda: _once(transport, upload_asset, header, _chunks(content), timeout_s)
    )
    return asset


def header(
    parent: str, media_type: str, external_id: str, labels: Mapping[str, str] | None
) -> service_pb2.UploadAssetRequest.Header:
    """The first message of an upload."""
    return service_pb2.UploadAssetRequest.Header(
        parent=parent, media_type=media_type, external_id=external_id, labels=labels or {}
    )


async def _once(
    transport: Transport,
    upload_asset: Callable[..., object],
    head: service_pb2.UploadAssetRequest.Header,
    chunks: AsyncIterable[bytes],
    timeout_s: float | None,
) -> resources_pb2.Asset:
    asset: resources_pb2.Asset = await transport.send_stream(upload_asset, _messages(head, chunks), timeout_s=timeout_s)
    return asset


async def _messages(
    head: service_pb2.UploadAssetRequest.Header, chunks: AsyncIterable[bytes]
) -> AsyncIterator[service_pb2.UploadAssetRequest]:
    yield service_pb2.UploadAssetRequest(header=head)
    digest = hashlib.sha256()
    async for given in chunks:
        for start in range(0, len(given), CHUNK_BYTES):
            chunk = given[start : start + CHUNK_BYTES]
            digest.update(chunk)
            yield service_pb2.UploadAssetRequest(chunk=chunk)
    yield service_pb2.UploadAssetRequest(sha256=digest.hexdigest())


async def _chunks(source: bytes | Path) -> AsyncIterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    with await asyncio.to_thread(source.open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk


async def _size(path: Path) -> int:
    return (await asyncio.to_thread(path.stat)).st_size
