"""Block digests of contents that were recorded without: those that were put by URL and that nobody read since.

Before the first read through the service, all of such a content is read once and compared with its SHA-256; what its
blocks hash to is kept then. Reads at the same time share that.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import replace

from labelmill_runtime.errors import DataLoss
from labelmill_storage.assets import Content, Zone
from labelmill_storage.contents.content import BLOCK_BYTES
from labelmill_storage.ports import AssetRecords, ObjectKey, ObjectStore, key_of


class ContentDamaged(DataLoss):
    """The store gave back other bytes than it was given."""

    def __init__(self) -> None:
        super().__init__("CONTENT_DAMAGED", "The stored content does not have the checksum that was recorded.")


class Blocks:
    """Computes block digests that are missing."""

    def __init__(self, objects: ObjectStore, records: AssetRecords) -> None:
        self._objects = objects
        self._records = records
        self._computing: dict[ObjectKey, asyncio.Task[Content]] = {}

    async def known(self, project: str, asset_id: str, zone: Zone, content: Content) -> Content:
        """The content with its block digests. Raises ContentDamaged."""
        if content.size_bytes <= BLOCK_BYTES or content.block_digests:
            return content
        key = key_of(zone, project, content)
        if key not in self._computing:
            task = asyncio.create_task(self._compute(key, asset_id, content))
            self._computing[key] = task
            task.add_done_callback(self._forgetting(key))
        return await asyncio.shield(self._computing[key])

    def _forgetting(self, key: ObjectKey) -> Callable[[asyncio.Task[Content]], None]:
        def forget(task: asyncio.Task[Content]) -> None:
            del self._computing[key]
            if not task.cancelled():
                task.exception()  # those who wait for it have it; maybe nobody does any more

        return forget

    async def _compute(self, key: ObjectKey, asset_id: str, content: Content) -> Content:
        whole, digests = hashlib.sha256(), bytearray()

        def take(block: bytes) -> None:
            whole.update(block)
            digests.extend(hashlib.sha256(block).digest())

        for offset in range(0, content.size_bytes, BLOCK_BYTES):
            await asyncio.to_thread(take, await self._objects.read(key, offset, BLOCK_BYTES))
        if whole.hexdigest() != content.sha256:
            raise ContentDamaged
        found = replace(content, block_digests=bytes(digests))
        await self._records.note_blocks(key.project, asset_id, key.zone, found)
        return found
