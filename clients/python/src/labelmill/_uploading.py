"""Which way an upload goes: small ones share calls, large ones go by URL, the others are streamed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from labelmill import errors
from labelmill._by_url import URL_BYTES, ByUrl, Tell, Unusable
from labelmill._content import OnProgress, Source, Upload, as_unavailable, sha256_of
from labelmill._gathering import Gathering
from labelmill._operation import Operation
from labelmill._transport import Transport
from labelmill.storage.v1 import resources_pb2, service_pb2

Via: TypeAlias = Literal["auto", "stream", "url"]
"""auto: as the size suggests. stream: through the service, in a call of its own. url: past it, or not at all."""
Item: TypeAlias = service_pb2.BatchCreateAssetsRequest.Item

SMALL_BYTES = 256 * 1024
"""Contents up to this size share calls."""
_BATCH_ITEMS = 200
_BATCH_BYTES = 3_500_000


class Uploader:
    """Uploads contents of any size."""

    def __init__(self, transport: Transport, stub: Any, by_url: ByUrl) -> None:
        self._transport = transport
        self._stub = stub
        self._by_url = by_url
        self._small: Gathering[str, Item, resources_pb2.Asset] = Gathering(
            self._create, weight=Item.ByteSize, most=_BATCH_ITEMS, heaviest=_BATCH_BYTES
        )

    async def upload(
        self,
        header: service_pb2.UploadAssetRequest.Header,
        source: Source,
        *,
        via: Via,
        timeout_s: float | None,
        on_progress: OnProgress | None,
    ) -> resources_pb2.Asset:
        """Uploads one content."""
        stream = Upload(self._transport, self._stub, header, timeout_s, on_progress)
        if via == "stream" or not isinstance(source, (bytes, str, os.PathLike)):
            if via == "url":
                raise ValueError("only a path or bytes can go by URL: the size must be known beforehand")
            return await stream.send(source)
        content = source if isinstance(source, bytes) else Path(source)
        size = len(content) if isinstance(content, bytes) else (await asyncio.to_thread(content.stat)).st_size
        if via == "url" or size > URL_BYTES:
            try:
                async with _limited(timeout_s):
                    return await self._put(header, content, size, on_progress)
            except errors.FailedPrecondition as error:
                if via == "url" or error.reason != "UPLOAD_CHANGED":
                    raise  # else it was begun as a stream, and goes on as one
            except Unusable:
                if via == "url":
                    message = "Contents cannot be put by URL from here."
                    raise errors.FailedPrecondition(message, reason="URLS_UNAVAILABLE") from None
        elif size <= SMALL_BYTES and not header.upload_id and timeout_s is None:
            asset = await self._small.ask(header.parent, await _item(header, content))
            if on_progress is not None:
                on_progress(size, size)
            return asset
        return await stream.send(source)

    async def _create(self, parent: str, items: Sequence[Item]) -> list[resources_pb2.Asset | errors.LabelmillError]:
        request = service_pb2.BatchCreateAssetsRequest(parent=parent, items=items)
        answer: Any = await self._transport.unary(self._stub.BatchCreateAssets, request)
        return [errors.from_status(result.status) or result.asset for result in answer.results]

    async def _put(
        self,
        header: service_pb2.UploadAssetRequest.Header,
        content: bytes | Path,
        size: int,
        on_progress: OnProgress | None,
    ) -> resources_pb2.Asset:
        """By URL. Raises Unusable when it must be streamed instead: nothing is left of this way then."""
        header.size_bytes = size
        header.sha256 = header.sha256 or await asyncio.to_thread(sha256_of, content)
        header.upload_id = header.upload_id or str(uuid.uuid4())
        upload, attempt = f"{header.parent}/uploads/{header.upload_id}", 1
        while True:
            try:
                made = await self._made(header)
                if made is not None and made.HasField("asset"):
                    return made.asset
                if made is not None:
                    await self._by_url.put(made, content, size, _told(on_progress, size))
                return await self._finished(upload, header.sha256)
            except Unusable:
                await self._forget(upload)
                raise
            except (errors.Unavailable, errors.Aborted) as error:
                delay = self._transport.retry.delay_s(attempt, as_unavailable(error))
                if delay is None:
                    await self._forget(upload)
                    raise Unusable from None  # a stream goes on where it was when a connection breaks
            await asyncio.sleep(delay)
            attempt += 1

    async def _made(self, header: service_pb2.UploadAssetRequest.Header) -> service_pb2.ObjectUrl | None:
        """A URL, or the asset that is there; None for an upload that was finished before."""
        request = service_pb2.CreateUploadUrlRequest(header=header)
        try:
            made: service_pb2.ObjectUrl = await self._transport.unary(self._stub.CreateUploadUrl, request)
        except errors.Unimplemented:
            raise Unusable from None
        except errors.FailedPrecondition as error:
            if error.reason == "UPLOAD_FINISHED":
                return None
            if error.reason == "URLS_UNAVAILABLE":
                raise Unusable from None
            raise
        return made

    async def _finished(self, upload: str, sha256: str) -> resources_pb2.Asset:
        request = service_pb2.FinishUploadRequest(name=upload, sha256=sha256)
        begun: Any = await self._transport.unary(self._stub.FinishUpload, request)
        operation: Operation[resources_pb2.Asset, service_pb2.FinishUploadMetadata] = Operation(self._transport, begun)
        return await operation.result()

    async def _forget(self, upload: str) -> None:
        """Throws an upload by URL away, so that its id is free for a stream."""
        with contextlib.suppress(errors.NotFound, errors.Unimplemented):
            await self._transport.unary(self._stub.DeleteUpload, service_pb2.DeleteUploadRequest(name=upload))


@contextlib.asynccontextmanager
async def _limited(timeout_s: float | None) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except TimeoutError:
        raise errors.DeadlineExceeded(f"The upload is not done after {timeout_s} s.") from None


async def _item(header: service_pb2.UploadAssetRequest.Header, content: bytes | Path) -> Item:
    return Item(
        content=content if isinstance(content, bytes) else await asyncio.to_thread(content.read_bytes),
        media_type=header.media_type,
        external_id=header.external_id,
        labels=header.labels,
        subject=header.subject,
    )


def _told(on_progress: OnProgress | None, size: int) -> Tell:
    """Progress from a thread, told in the loop."""
    if on_progress is None:
        return lambda _: None
    loop = asyncio.get_running_loop()

    def tell(sent: int) -> None:
        loop.call_soon_threadsafe(on_progress, sent, size)

    return tell
