"""One object on its way to an S3 server.

Up to one part, it is one PUT to where its SHA-256 belongs. A larger one is a multipart upload straight to its place, a
key of its own, because its SHA-256 is known only at the end: nothing is ever copied. While parts are sent, the next is
received into the spool; one that fails is sent again from there.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from labelmill_runtime.errors import FailedPrecondition, Unavailable
from labelmill_storage.adapters.objects.s3_calls import Bucket, SentPart
from labelmill_storage.adapters.objects.s3_checksums import told_by
from labelmill_storage.adapters.objects.spool import Spool
from labelmill_storage.adapters.objects.threads import Steps, Threads
from labelmill_storage.ports import ObjectKey, ObjectMissing

R = TypeVar("R")

_IN_MEMORY_BYTES = 128 * 1024
"""What waits in memory before it goes to the spool: a small object never touches a file."""
_IN_FLIGHT = 3
"""Parts of one upload that are sent at once, as many as the SDK itself sends."""
_PAUSES_S = (0.5, 1.0, 2.0, 4.0)
"""Before each further try of a request that failed: together longer than an S3 server takes to come back."""
_READ_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Lanes:
    """What the uploads of a store share."""

    calls: Threads
    """Small requests."""
    parts: Threads
    """Sends parts: as many at once, of all uploads together."""
    spool_dir: Path
    part_bytes: int


class StagedMultipart:
    """An object that is being written."""

    def __init__(self, bucket: Bucket, lanes: Lanes, path: str, upload_id: str = "") -> None:
        """A new object.

        Args:
            bucket: Where it goes.
            lanes: Shared threads and limits.
            path: Its place, if it does not fit into one part.
            upload_id: Of the multipart upload that was begun for it; empty: begins one when it is needed.
        """
        self._bucket = bucket
        self._lanes = lanes
        self._path = path
        self._upload_id = upload_id
        self._steps = Steps(lanes.calls)
        self._spool = Spool(lanes.spool_dir, lanes.part_bytes)
        self._pending = bytearray()
        self._spooled = 0
        self._sent: list[SentPart] = []
        self._sending: deque[asyncio.Task[SentPart]] = deque()
        self._next_number = 1
        self._received = 0
        self._whole = False
        self._put_sha256 = ""
        self._completing = False
        self._committed = False
        self._abandoned = False

    async def resume(self) -> None:
        """Finds out what is there already. Raises ObjectMissing."""
        found = await self._steps.do(partial(arrived, self._bucket, self._path, self._upload_id))
        self._received, self._sent, self._whole = found.size_bytes, found.parts, found.whole
        self._put_sha256 = found.put_sha256
        self._next_number = len(self._sent) + 1

    @property
    def put_sha256(self) -> str:
        """What the server says it compared a single PUT with."""
        return self._put_sha256

    def doubt(self) -> None:
        """Forgets that: the server was seen not to compare."""
        self._put_sha256 = ""

    @property
    def received_bytes(self) -> int:
        """How many bytes are in it."""
        return self._received

    async def write(self, data: bytes) -> None:
        """Adds bytes; waits while as many parts as may be are under way."""
        if self._whole:
            raise FailedPrecondition("UPLOAD_FINISHED", "The upload is complete; nothing can be added to it.")
        view = memoryview(data)
        while view:
            if self._filled == self._lanes.part_bytes:  # more comes: what is gathered is not the last part
                await self._send_gathered()
            piece = view[: self._lanes.part_bytes - self._filled]
            if len(self._pending) + len(piece) <= _IN_MEMORY_BYTES:
                self._pending += piece
            else:
                await self._steps.do(partial(self._to_spool, piece))
            self._received += len(piece)
            view = view[len(piece) :]

    async def seal(self) -> None:
        """Makes an object of what was written, at its own place."""
        if not self._whole:
            if self._filled or not self._sent:
                await self._send_gathered()
            while self._sending:
                await self._oldest_sent()
            self._completing = True
            await self._again(self._complete)
            self._whole = True

    async def read(self, offset: int, length: int) -> bytes:
        """Bytes of the sealed object."""
        return await self._lanes.calls.run(partial(self._bucket.read, self._path, offset, length)) if length else b""

    async def read_back(self) -> AsyncIterator[bytes]:
        """The bytes of the sealed object, by ranges."""
        for offset in range(0, self._received, _READ_BYTES):
            yield await self.read(offset, _READ_BYTES)

    async def commit(self, key: ObjectKey) -> str:
        """Puts the object in its place."""
        location = ""
        if self._whole or self._sent or self._sending:
            await self.seal()
            location = self._path
        elif self._spooled:
            await self._again(partial(self._put, key.path))
        else:  # small and in memory: whoever sent it can send it again
            await self._steps.do(partial(self._put, key.path))
        self._committed = True
        return location

    async def discard(self, *, keep: bool = False) -> None:
        """Ends, whoever is cancelled: waits for what is under way, then throws it away unless it is kept.

        Args:
            keep: What the server has of an object that was not committed stays there, to be continued.
        """
        self._abandoned = True
        if self._upload_id or self._spooled or self._sending or not self._committed:
            await self._lanes.calls.finish(self._end(keep))

    async def _end(self, keep: bool) -> None:
        await asyncio.gather(*self._sending, return_exceptions=True)
        await self._steps.last(partial(self._clean_up, keep))

    def _clean_up(self, keep: bool) -> None:
        self._spool.close()
        in_place = self._committed and self._completing
        continued = keep and not self._committed
        if in_place or continued:
            return
        if self._upload_id:
            self._bucket.abort(self._path, self._upload_id)
        if self._completing:  # it may have become an object, whatever the answer was
            self._bucket.remove([self._path])

    @property
    def _filled(self) -> int:
        return self._spooled + len(self._pending)

    @property
    def _slot(self) -> int:
        return self._next_number % (_IN_FLIGHT + 1)  # one more than are under way: the one that is being filled

    def _to_spool(self, data: memoryview) -> None:
        for piece in (bytes(self._pending), data):
            self._spool.write(self._slot, self._spooled, piece)
            self._spooled += len(piece)
        self._pending.clear()

    async def _send_gathered(self) -> None:
        """Sends what is gathered as the next part, behind the caller's back."""
        if not self._upload_id:
            self._upload_id = await self._again(partial(self._bucket.begin, self._path))
        await self._steps.do(partial(self._to_spool, memoryview(b"")))
        while len(self._sending) >= _IN_FLIGHT:
            await self._oldest_sent()
        send = partial(self._send, self._slot, self._next_number, self._spooled)
        self._sending.append(asyncio.create_task(self._retried(partial(self._lanes.parts.run, send))))
        self._next_number += 1
        self._spooled = 0

    def _send(self, slot: int, number: int, length: int) -> SentPart:
        return self._bucket.send(self._path, self._upload_id, number, self._spool.body(slot, length))

    async def _oldest_sent(self) -> None:
        self._sent.append(await asyncio.shield(self._sending[0]))
        self._sending.popleft()

    def _complete(self) -> None:
        self._bucket.complete(self._path, self._upload_id, self._sent)

    def _put(self, path: str) -> None:
        if not self._spooled:
            self._bucket.put(path, bytes(self._pending))
            return
        self._to_spool(memoryview(b""))
        self._bucket.put_body(path, self._spool.body(self._slot, self._spooled))

    async def _again(self, work: Callable[[], R]) -> R:
        return await self._retried(partial(self._steps.do, work))

    async def _retried(self, work: Callable[[], Awaitable[R]]) -> R:
        for pause_s in _PAUSES_S:
            try:
                return await work()
            except Unavailable:
                if self._abandoned:
                    raise
            await asyncio.sleep(pause_s)
        return await work()


@dataclass(frozen=True, slots=True)
class Arrived:
    """What is there of an upload."""

    size_bytes: int
    parts: list[SentPart]
    whole: bool = False
    """It is an object already."""
    put_sha256: str = ""
    """What the server compared the object with when a URL brought it."""


def arrived(bucket: Bucket, path: str, upload_id: str) -> Arrived:
    """What is there of an upload; blocks.

    Raises:
        ObjectMissing: There is neither an object nor a multipart upload of that id.
    """
    try:
        parts = _unbroken(bucket.parts(path, upload_id)) if upload_id else []
    except ObjectMissing:
        whole = _object(bucket, path)
        if whole is None:
            raise
        return whole
    whole = None if parts else _object(bucket, path)  # put by URL
    return whole or Arrived(sum(part.size_bytes for part in parts), parts)


def _object(bucket: Bucket, path: str) -> Arrived | None:
    head = bucket.head(path)
    return (
        None
        if head is None
        else Arrived(int(head.get("content-length", "0")), [], whole=True, put_sha256=told_by(head))
    )


def _unbroken(parts: list[SentPart]) -> list[SentPart]:
    """The parts before the first gap: those behind it will be sent again."""
    return [part for index, part in enumerate(parts) if part.number == index + 1]
