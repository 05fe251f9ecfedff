"""The way out: contents, verified against their hashes before a byte is handed on."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from labelmill_runtime.errors import LabelmillError, OutOfRange, ResourceExhausted
from labelmill_storage.assets import Content, Zone, asset_name
from labelmill_storage.contents.content import BLOCK_BYTES
from labelmill_storage.gate import zones
from labelmill_storage.gate.zones import Roles
from labelmill_storage.ports import AssetRecords, ObjectKey, ObjectStore, key_of
from labelmill_storage.transfers.blocks import ContentDamaged

CHUNK_BYTES = 256 * 1024
BATCH_BYTES = 3 * 1024 * 1024 + 512 * 1024
"""What one batch answer may hold; the rest of the 4 MiB of a message is reserve."""

_DIGEST_BYTES = 32
_ITEM_OVERHEAD_BYTES = 400


class TooLarge(ResourceExhausted):
    """A content fits into no batch answer."""

    def __init__(self, content: Content) -> None:
        super().__init__(
            "CONTENT_TOO_LARGE",
            "The content fits into no batch answer; read it with DownloadAsset.",
            metadata={"size_bytes": str(content.size_bytes)},
        )
        self.content = content


@dataclass(frozen=True, slots=True)
class Reading:
    """One content of a batch."""

    name: str
    description: Content
    content: bytes


class Reader:
    """Reads contents for callers who may."""

    def __init__(self, objects: ObjectStore, records: AssetRecords) -> None:
        self._objects = objects
        self._records = records

    async def open(self, project: str, asset_id: str, zone: Zone, roles: Roles) -> Content:
        """The description of the content, for a caller who may read it."""
        zones.require_zone(zone, roles)
        asset = await self._records.get(project, asset_id)
        return zones.readable(asset, asset_name(project, asset_id), zone, roles)

    async def chunks(self, key: ObjectKey, content: Content, offset: int, length: int) -> AsyncIterator[bytes]:
        """The bytes from `offset` on, `length` of them (0: all), in chunks.

        Raises:
            OutOfRange: The offset lies beyond the end.
            DataLoss: A block has other bytes than were recorded; no byte of that block was handed out.
        """
        end = content.size_bytes if length == 0 else min(offset + length, content.size_bytes)
        start = offset - offset % BLOCK_BYTES
        async with aclosing(self._blocks(key, content, range(start, end, BLOCK_BYTES))) as blocks:
            async for block in blocks:
                stop = min(end, start + BLOCK_BYTES)
                while offset < stop:
                    upto = min(offset + CHUNK_BYTES, stop)
                    yield block[offset - start : upto - start]
                    offset = upto
                start = stop

    async def _blocks(self, key: ObjectKey, content: Content, starts: Iterable[int]) -> AsyncGenerator[bytes, None]:
        """The blocks at some offsets; while one is handed on, the next is read, and no more than that."""
        ahead: asyncio.Task[bytes] | None = None
        try:
            for start in starts:
                reading = asyncio.create_task(self._block(key, content, start))
                ahead, ready = reading, ahead
                if ready is not None:
                    yield ready.result()
                await reading
            if ahead is not None:
                yield ahead.result()
        finally:
            if ahead is not None:
                ahead.cancel()
                await asyncio.gather(ahead, return_exceptions=True)

    async def batch(
        self, project: str, asset_ids: Sequence[str], zone: Zone, roles: Roles
    ) -> list[Reading | LabelmillError]:
        """Many contents in one answer, each with an outcome of its own."""
        zones.require_zone(zone, roles)
        assets = await self._records.get_many(project, asset_ids)
        outcomes: list[Content | LabelmillError] = []
        budget = _Budget()
        for asset_id in asset_ids:
            try:
                content = zones.readable(assets.get(asset_id), asset_name(project, asset_id), zone, roles)
                budget.take(content)
                outcomes.append(content)
            except LabelmillError as error:
                outcomes.append(error)
        keys = [key_of(zone, project, c) for c in outcomes if isinstance(c, Content)]
        found = iter(await self._objects.read_many(keys))
        named = zip(asset_ids, outcomes, strict=True)
        return [
            _verified(asset_name(project, asset_id), o, next(found)) if isinstance(o, Content) else o
            for asset_id, o in named
        ]

    async def _block(self, key: ObjectKey, content: Content, start: int) -> bytes:
        block = await self._objects.read(key, start, BLOCK_BYTES)
        index = start // BLOCK_BYTES * _DIGEST_BYTES
        expected = content.block_digests[index : index + _DIGEST_BYTES] or bytes.fromhex(content.sha256)
        if await asyncio.to_thread(_sha256, block) != expected:
            raise ContentDamaged
        return block


def check_range(content: Content, offset: int) -> None:
    """Refuses an offset beyond the end; the end itself gives an empty range."""
    if offset > content.size_bytes:
        raise OutOfRange(
            "OFFSET_BEYOND_END",
            "offset_bytes lies beyond the end of the content.",
            metadata={"size_bytes": str(content.size_bytes)},
            fields={"offset_bytes": f"must be at most {content.size_bytes}"},
        )


class _Budget:
    """The bytes that a batch answer still has room for."""

    def __init__(self) -> None:
        self._left = BATCH_BYTES

    def take(self, content: Content) -> None:
        needed = content.size_bytes + _ITEM_OVERHEAD_BYTES
        if needed > BATCH_BYTES:
            raise TooLarge(content)
        if needed > self._left:
            message = "The answer is full; ask for this content again."
            raise ResourceExhausted("RESPONSE_FULL", message, retry_after_s=0.0)
        self._left -= needed


def _verified(name: str, content: Content, found: bytes | LabelmillError) -> Reading | LabelmillError:
    if isinstance(found, LabelmillError):
        return found
    if hashlib.sha256(found).hexdigest() != content.sha256:
        return ContentDamaged()
    return Reading(name, content, found)


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
