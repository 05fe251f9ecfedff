"""Manifests of snapshots as Parquet, written and read row group by row group: memory does not grow with the rows.

The file is an object like others: under its SHA-256, with the digests of its blocks beside it in the database. It is
read through blocks that were checked against them, so that nothing else ever reaches the Parquet reader.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from labelmill.snapshots import COLUMNS, ContentHash
from labelmill_storage.adapters.threads import Threads
from labelmill_storage.assets import Zone
from labelmill_storage.content import BLOCK_BYTES, Inspection
from labelmill_storage.ports import ObjectKey, ObjectMissing, ObjectStore, key_of
from labelmill_storage.reading import ContentDamaged, Reader
from labelmill_storage.snapshots import MANIFEST_TYPE, Manifest, Row, Snapshot, SnapshotDamaged

ROW_GROUP_ROWS = 32_768
_BATCH_ROWS = 4096
_CACHED_BLOCKS = 3
_READ_TIMEOUT_S = 120
_TEXT, _NUMBER, _TIME = pa.string(), pa.int64(), pa.timestamp("us", tz="UTC")
_TYPES = {
    "size_bytes": _NUMBER,
    "text_length": _NUMBER,
    "width_px": _NUMBER,
    "height_px": _NUMBER,
    "create_time": _TIME,
}
_OPTIONAL = {"text_length", "width_px", "height_px"}
SCHEMA = pa.schema([pa.field(name, _TYPES.get(name, _TEXT), nullable=name in _OPTIONAL) for name in COLUMNS])
CONTENT_SHA256 = "labelmill.content_sha256"
"""The key of the content hash in the file's metadata."""


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
        about_to_write: Callable[[Sequence[ObjectKey]], Awaitable[None]],
    ) -> Manifest:
        """Writes a manifest; it is in its place as a whole when this returns, or not at all."""
        encoder, inspection = _Encoder(), Inspection(MANIFEST_TYPE, sys.maxsize)
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
            await about_to_write([key])
            location = await staged.commit(key)
        return Manifest(replace(file, location=location), encoder.content_sha256)

    async def rows(self, snapshot: Snapshot) -> AsyncIterator[list[Row]]:
        """The rows of a snapshot, in batches; raises SnapshotDamaged."""
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
            batches = await self._threads.run(partial(_batches, file))
            while (batch := await self._threads.run(partial(next, batches, None))) is not None:
                yield batch
        except (pa.ArrowException, OSError, ValueError, KeyError):
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


class _Encoder:
    """Rows to the bytes of a Parquet file, piece by piece."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._writer = pq.ParquetWriter(pa.PythonFile(self._sink, mode="w"), SCHEMA, compression="zstd")
        self._hash = ContentHash()
        self._waiting: list[Row] = []

    @property
    def content_sha256(self) -> str:
        return self._hash.hexdigest()

    def add(self, rows: Sequence[Row]) -> bytes:
        """What is ready to be written once these rows are in it; mostly nothing yet."""
        self._hash.update(rows)
        self._waiting += rows
        while len(self._waiting) >= ROW_GROUP_ROWS:
            self._write(self._waiting[:ROW_GROUP_ROWS])
            self._waiting = self._waiting[ROW_GROUP_ROWS:]
        return self._sink.take()

    def finish(self, metadata: Mapping[str, str]) -> bytes:
        """The rest of the file."""
        if self._waiting:
            self._write(self._waiting)
        self._writer.add_key_value_metadata({**metadata, CONTENT_SHA256: self.content_sha256})
        self._writer.close()
        return self._sink.take()

    def _write(self, rows: Sequence[Row]) -> None:
        columns = zip(*rows, strict=True)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
        self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=SCHEMA), row_group_size=ROW_GROUP_ROWS)


class _Sink(io.RawIOBase):
    """Where pyarrow writes: what came since the last `take`."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._written += len(part)
        return len(part)

    def tell(self) -> int:
        return self._written

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


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


def _batches(file: _CheckedFile) -> Iterator[list[Row]]:
    # What goes wrong at opening does so here, not at the first batch.
    opened = pq.ParquetFile(pa.PythonFile(file, mode="r"), buffer_size=0, pre_buffer=False)
    found = opened.iter_batches(batch_size=_BATCH_ROWS, columns=list(COLUMNS), use_threads=False)
    return (_rows(batch) for batch in found)


def _rows(batch: pa.RecordBatch) -> list[Row]:
    columns = [
        (column.cast(_NUMBER) if column.type == _TIME else column).to_pylist()
        for column in (batch.column(name) for name in COLUMNS)
    ]
    return [Row(*values) for values in zip(*columns, strict=True)]
