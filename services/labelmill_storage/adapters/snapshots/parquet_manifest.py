"""Manifests of snapshots as Parquet, written and read row group by row group: memory does not grow with the rows.

The file is an object like others: under its SHA-256, with the digests of its blocks beside it in the database. It is
read through blocks that were checked against them, so that nothing else ever reaches the Parquet reader.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from labelmill_storage.adapters.objects.threads import Threads
from labelmill_storage.assets import Zone
from labelmill_storage.contents.content import BLOCK_BYTES, Inspection
from labelmill_storage.datasets.snapshots import MANIFEST_TYPE, Manifest, Row, Snapshot, SnapshotDamaged
from labelmill_storage.ports import ObjectKey, ObjectMissing, ObjectStore, key_of
from labelmill_storage.transfers.blocks import ContentDamaged
from labelmill_storage.transfers.reading import Reader

_CACHED_BLOCKS = 3
_READ_TIMEOUT_S = 120


class ParquetManifests:
    """Manifests on an object store."""

    def __init__(self, objects: ObjectStore, reader: Reader, *, threads: int = 4) -> None:
        self._objects = objects
        self._reader = reader
        # Of its own: these threads wait for blocks that other threads read and check.
        self._threads = Threads(threads, "manifests")

    async def write(
        self,
        project: str,
        rows: AsyncIterator[Sequence[Row]],
        describe: Callable[[], Mapping[str, str]],
        about_to_write: Callable[[Sequence[ObjectKey]], Awaitable[Mapping[ObjectKey, int]]],
    ) -> Manifest:
        """Writes a manifest; it is in its place as a whole when this returns, or not at all."""
        from labelmill_storage.adapters.snapshots.parquet_file import Encoder  # memory that few servers need

        encoder, inspection = Encoder(), Inspection(MANIFEST_TYPE, sys.maxsize)
        async with self._objects.stage(Zone.RAW, project) as staged:

            async def put(data: bytes) -> None:
                await self._threads.run(partial(inspection.update, data))
                await staged.write(data)

            async for batch in rows:
                if data := await self._threads.run(partial(encoder.add, batch)):
                    await put(data)
            await put(await self._threads.run(partial(encoder.finish, describe())))
            file = replace(inspection.finish(), media_type=MANIFEST_TYPE)
            key = ObjectKey(Zone.RAW, project, file.sha256)
            removals = await about_to_write([key])
            location = await staged.commit(key)
        return Manifest(replace(file, location=location, last_removal=removals[key]), encoder.content_sha256)

    async def rows(self, snapshot: Snapshot) -> AsyncIterator[list[Row]]:
        """The rows of a snapshot, in batches; raises SnapshotDamaged."""
        from labelmill_storage.adapters.snapshots import parquet_file

        loop, damages = asyncio.get_running_loop(), []

        def block(start: int) -> bytes:
            """Called in a thread: has the loop read a block, and waits for it."""
            try:
                return asyncio.run_coroutine_threadsafe(self._block(snapshot, start), loop).result(_READ_TIMEOUT_S)
            except Exception as error:  # pyarrow may turn it into one of its own
                damages.append(error)
                raise

        file = _CheckedFile(block, snapshot.manifest.size_bytes)
        try:
            batches = await self._threads.run(partial(parquet_file.batches, file))
            while (batch := await self._threads.run(partial(next, batches, None))) is not None:
                yield batch
        except parquet_file.DAMAGES:
            if damages:
                raise damages[0] from None
            raise SnapshotDamaged from None  # whole by its digests, and no manifest all the same

    async def chunks(self, snapshot: Snapshot) -> AsyncIterator[bytes]:
        """The file itself, in chunks of at most 256 KiB; raises SnapshotDamaged."""
        async for chunk in self._read(snapshot, 0, 0):
            yield chunk

    async def close(self) -> None:
        """Waits for the threads."""
        await self._threads.close()

    async def _block(self, snapshot: Snapshot, start: int) -> bytes:
        return b"".join([chunk async for chunk in self._read(snapshot, start, BLOCK_BYTES)])

    async def _read(self, snapshot: Snapshot, offset: int, length: int) -> AsyncIterator[bytes]:
        key = key_of(Zone.RAW, snapshot.key.dataset.project, snapshot.manifest)
        try:
            async for chunk in self._reader.chunks(key, snapshot.manifest, offset, length):
                yield chunk
        except (ObjectMissing, ContentDamaged):
            raise SnapshotDamaged from None


class _CheckedFile(io.RawIOBase):
    """A file that is read by blocks; the last few are kept."""

    def __init__(self, block: Callable[[int], bytes], size_bytes: int) -> None:
        self._block = block
        self._size = size_bytes
        self._at = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def size(self) -> int:
        return self._size

    def read(self, size: int | None = -1) -> bytes:
        end = self._size if size is None or size < 0 else min(self._at + size, self._size)
        parts = []
        while self._at < end:
            start = self._at - self._at % BLOCK_BYTES
            part = self._cached(start)[self._at - start : end - start]
            if not part:
                raise OSError("the file is shorter than recorded")
            parts.append(part)
            self._at += len(part)
        return b"".join(parts)

    def _cached(self, start: int) -> bytes:
        if start not in self._blocks:
            self._blocks[start] = self._block(start)
            if len(self._blocks) > _CACHED_BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(start)
        return self._blocks[start]
