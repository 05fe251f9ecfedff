"""Rows of snapshots to the bytes of a Parquet file and back, by pyarrow: imported when the first manifest is."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from labelmill.snapshots import COLUMNS, ContentHash
from labelmill_storage.datasets.snapshots import Row

ROW_GROUP_ROWS = 32_768
_BATCH_ROWS = 4096
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

DAMAGES = (pa.ArrowException, OSError, ValueError, KeyError)
"""What reading raises when a file is no sound manifest."""


class Encoder:
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


def batches(file: io.RawIOBase) -> Iterator[list[Row]]:
    """The rows of a file, in batches."""
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
