"""Contents down: small ones share calls, large ones come by URL, the others as a stream. What arrives is compared with
its SHA-256; a file goes on after broken connections, and only then has its name.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from labelmill import errors
from labelmill._by_url import URL_BYTES, ByUrl, Unusable, checksum_mismatch
from labelmill._content import OnProgress
from labelmill._gathering import Gathering
from labelmill._transport import Transport
from labelmill._uploading import Via
from labelmill.storage.v1 import resources_pb2, service_pb2

Zone: TypeAlias = resources_pb2.Zone.ValueType
_BATCH_ITEMS = 200
_ASKS = 3
"""How often a content is asked for that did not fit into an answer beside others."""
_TOO_LARGE = "CONTENT_TOO_LARGE"
_ANSWER_FULL = "RESPONSE_FULL"


@dataclass(frozen=True, slots=True)
class _Found:
    """What a call that others share has told of a content."""

    small: service_pb2.BatchReadAssetsResponse.Result | None = None
    url: service_pb2.ObjectUrl | None = None
    size: int = 0

    @property
    def is_large(self) -> bool:
        """Whether a URL is worth its while."""
        return self.url is not None or self.size > URL_BYTES


class Downloader:
    """Downloads contents of any size."""

    def __init__(self, transport: Transport, stub: Any, by_url: ByUrl) -> None:
        self._transport = transport
        self._stub = stub
        self._by_url = by_url
        self._small: Gathering[tuple[str, Zone], str, service_pb2.BatchReadAssetsResponse.Result] = Gathering(
            self._read, weight=lambda _: 0, most=_BATCH_ITEMS, heaviest=0
        )

    async def content(self, name: str, zone: Zone, via: Via) -> bytes:
        """A whole content. Raises DataLoss CHECKSUM_MISMATCH."""
        found = await self._ask(name, zone, via)
        if found.small is not None:
            return found.small.content
        if via == "url" or found.is_large:
            try:
                return await self._by_url_whole(name, zone, found.url)
            except Unusable:
                _require_stream(via)
        digest, chunks = hashlib.sha256(), list[bytes]()
        described = resources_pb2.Content()
        request = service_pb2.DownloadAssetRequest(name=name, zone=zone)
        async for message in self._transport.serve_stream(self._stub.DownloadAsset, request):
            if message.WhichOneof("part") == "content":
                described = message.content
                continue
            chunks.append(message.chunk)
            digest.update(message.chunk)
        if digest.hexdigest() != described.sha256:
            raise checksum_mismatch()
        return b"".join(chunks)

    async def to_file(
        self, name: str, zone: Zone, path: Path, via: Via, on_progress: OnProgress | None
    ) -> resources_pb2.Content:
        """Writes the content beside `path`, checks its SHA-256, and renames it.

        Raises:
            DataLoss: CHECKSUM_MISMATCH; nothing is at `path` that was not there before.
        """
        found = await self._ask(name, zone, via)
        descriptor, temporary = tempfile.mkstemp(prefix=".labelmill-", suffix=".part", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                part = _Part(file, on_progress)
                if found.small is not None:
                    part.begin(found.small.description)
                    part.take(found.small.content)
                    part.tell()
                else:
                    await self._into(part, name, zone, via, found)
                part.require_whole()
                await asyncio.to_thread(_flush, file)
            os.replace(temporary, path)  # noqa: PTH105 - both names are strings at hand
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)  # noqa: PTH108
            raise
        return part.content

    async def _ask(self, name: str, zone: Zone, via: Via) -> _Found:
        """The content, if it fits into a call that others share; else where it is, or its size, if that is known."""
        parent, _, asset = name.rpartition("/assets/")
        if via != "auto" or not parent or not asset:
            return _Found()
        for _ in range(_ASKS):
            try:
                found = await self._small.ask((parent, zone), name)
            except errors.Unimplemented:
                return _Found()
            except errors.ResourceExhausted as error:
                if error.reason == _ANSWER_FULL:
                    continue
                if error.reason == _TOO_LARGE:
                    return _Found(size=int(error.metadata.get("size_bytes", "0")))
                raise
            if found.HasField("url"):
                return _Found(url=found.url, size=found.url.content.size_bytes)
            if hashlib.sha256(found.content).hexdigest() != found.description.sha256:
                raise checksum_mismatch()
            return _Found(small=found)
        return _Found()  # always among too many that are larger: it goes alone

    async def _read(
        self, place: tuple[str, Zone], names: Sequence[str]
    ) -> list[service_pb2.BatchReadAssetsResponse.Result | errors.LabelmillError]:
        request = service_pb2.BatchReadAssetsRequest(parent=place[0], names=names, zone=place[1], urls_for_large=True)
        answer: Any = await self._transport.unary(self._stub.BatchReadAssets, request)
        return [errors.from_status(result.status) or result for result in answer.results]

    async def _made(self, name: str, zone: Zone) -> service_pb2.ObjectUrl:
        try:
            request = service_pb2.CreateDownloadUrlRequest(name=name, zone=zone)
            made: service_pb2.ObjectUrl = await self._transport.unary(self._stub.CreateDownloadUrl, request)
        except errors.Unimplemented:
            raise Unusable from None
        except errors.FailedPrecondition as error:
            if error.reason == "URLS_UNAVAILABLE":
                raise Unusable from None
            raise
        if not made.HasField("content"):  # a server of before it was told
            raise Unusable
        return made

    async def _by_url_whole(self, name: str, zone: Zone, given: service_pb2.ObjectUrl | None) -> bytes:
        attempt = 1
        made = given or await self._made(name, zone)
        while True:
            try:
                return await self._by_url.get(made)
            except errors.Unavailable as error:
                delay = self._transport.retry.delay_s(attempt, error)
                if delay is None:
                    raise
            await asyncio.sleep(delay)
            attempt += 1

    async def _into(self, part: _Part, name: str, zone: Zone, via: Via, found: _Found) -> None:
        """Goes on until it is whole or no try gets any further."""
        by_url = via == "url" or found.is_large
        made = found.url
        attempt, gave = 0, False
        while True:
            before = part.received
            try:
                if by_url:
                    made = made or await self._made(name, zone)
                    part.begin(made.content)
                    await self._by_url.get_into(made, part.received, part.take, part.tell)
                else:
                    await self._stream_into(part, name, zone)
                return
            except Unusable:
                if gave:  # it did before: by now it has expired
                    made, gave = None, False
                    continue
                _require_stream(via)
                by_url = False
                continue
            except errors.Unavailable as error:
                gave = gave or part.received > before
                attempt = 1 if part.received > before else attempt + 1
                delay = self._transport.retry.delay_s(attempt, error)
                if delay is None:
                    raise
            await asyncio.sleep(delay)

    async def _stream_into(self, part: _Part, name: str, zone: Zone) -> None:
        request = service_pb2.DownloadAssetRequest(name=name, zone=zone, offset_bytes=part.received)
        async for message in self._transport.serve_stream(self._stub.DownloadAsset, request):
            if message.WhichOneof("part") == "content":
                if part.begin(message.content):
                    raise errors.Unavailable("The content changed while it was read.")
                continue
            await asyncio.to_thread(part.take, message.chunk)
            part.tell()


class _Part:
    """What has arrived of a file."""

    def __init__(self, file: BinaryIO, on_progress: OnProgress | None) -> None:
        self.content = resources_pb2.Content()
        self.received = 0
        self._file = file
        self._on_progress = on_progress
        self._digest = hashlib.sha256()

    def begin(self, content: resources_pb2.Content) -> bool:
        """Goes on with a content; says whether it is another one than before, so that all begins anew."""
        is_another = bool(self.received) and content.sha256 != self.content.sha256
        if is_another:
            self._file.seek(0)
            self._file.truncate()
            self._digest = hashlib.sha256()
            self.received = 0
        self.content = content
        return is_another

    def take(self, chunk: bytes | memoryview) -> None:
        """Adds bytes. Blocks."""
        self._file.write(chunk)
        self._digest.update(chunk)
        self.received += len(chunk)

    def tell(self) -> None:
        """Tells how far it is, in the loop."""
        if self._on_progress is not None:
            self._on_progress(self.received, self.content.size_bytes)

    def require_whole(self) -> None:
        """Raises DataLoss CHECKSUM_MISMATCH unless it is all there."""
        if self._digest.hexdigest() != self.content.sha256:
            raise checksum_mismatch()


def _require_stream(via: Via) -> None:
    if via == "url":
        message = "Contents cannot be got by URL from here."
        raise errors.FailedPrecondition(message, reason="URLS_UNAVAILABLE") from None


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
