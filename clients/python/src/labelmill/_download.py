"""A content into a file: goes on after broken connections, is verified, and only then has its name."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, BinaryIO

from labelmill import errors
from labelmill._content import OnProgress
from labelmill._transport import Transport
from labelmill.storage.v1 import resources_pb2, service_pb2


async def to_file(
    transport: Transport,
    stub: Any,
    name: str,
    zone: resources_pb2.Zone.ValueType,
    path: Path,
    on_progress: OnProgress | None,
) -> resources_pb2.Content:
    """Writes the content beside `path`, checks its SHA-256, and renames it.

    Raises:
        DataLoss: CHECKSUM_MISMATCH; nothing is at `path` that was not there before.
    """
    descriptor, temporary = tempfile.mkstemp(prefix=".labelmill-", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            download = _Download(transport, stub, name, zone, file, on_progress)
            content = await download.run()
            await asyncio.to_thread(_flush, file)
        os.replace(temporary, path)  # noqa: PTH105 - both names are strings at hand
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)  # noqa: PTH108
        raise
    return content


class _Download:
    """One content on its way down."""

    def __init__(
        self,
        transport: Transport,
        stub: Any,
        name: str,
        zone: resources_pb2.Zone.ValueType,
        file: BinaryIO,
        on_progress: OnProgress | None,
    ) -> None:
        self._transport = transport
        self._stub = stub
        self._name = name
        self._zone = zone
        self._file = file
        self._on_progress = on_progress
        self._content = resources_pb2.Content()
        self._digest = hashlib.sha256()
        self._received = 0

    async def run(self) -> resources_pb2.Content:
        attempt = 0
        while True:
            before = self._received
            try:
                await self._go_on()
                break
            except errors.Unavailable as error:
                attempt = 1 if self._received > before else attempt + 1
                delay = self._transport.retry.delay_s(attempt, error)
                if delay is None:
                    raise
            await asyncio.sleep(delay)
        if self._digest.hexdigest() != self._content.sha256:
            raise errors.DataLoss("What arrived does not have the checksum of the content.", reason="CHECKSUM_MISMATCH")
        return self._content

    async def _go_on(self) -> None:
        async for message in self._messages():
            if message.WhichOneof("part") == "content":
                if self._received and message.content.sha256 != self._content.sha256:
                    self._begin_anew()  # another content was admitted meanwhile
                    raise errors.Unavailable("The content changed while it was read.")
                self._content = message.content
                continue
            await asyncio.to_thread(self._take, message.chunk)
            if self._on_progress is not None:
                self._on_progress(self._received, self._content.size_bytes)

    def _messages(self) -> AsyncIterator[Any]:
        request = service_pb2.DownloadAssetRequest(name=self._name, zone=self._zone, offset_bytes=self._received)
        return self._transport.serve_stream(self._stub.DownloadAsset, request)

    def _take(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self._digest.update(chunk)
        self._received += len(chunk)

    def _begin_anew(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._digest = hashlib.sha256()
        self._received = 0


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
