"""Parquet files by pyarrow: columns that stay keep their types and values, row groups stay, metadata of the file goes.

Columns of lists, structures or bytes cannot be looked into. Key-value metadata may hold anything, so it is not copied.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from labelmill_anonymization.errors import ContentMalformed
from labelmill_anonymization.tables.cells import Column, coded, text_of
from labelmill_anonymization.tables.table_file import NewCells

_READABLE = (
    *(pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_integer, pa.types.is_floating),
    *(pa.types.is_boolean, pa.types.is_decimal, pa.types.is_date, pa.types.is_timestamp, pa.types.is_time),
    pa.types.is_null,
)


@dataclass(frozen=True)
class ParquetFile:
    """See `TableFile`."""

    table: pa.Table
    columns: Sequence[Column]
    row_groups: Sequence[int]
    """Rows in each row group."""
    compression: Any
    """Its name, as pyarrow has it."""
    has_names: bool = True

    @property
    def row_count(self) -> int:
        """See `TableFile`."""
        return int(self.table.num_rows)

    def write(self, changed: Mapping[int, NewCells]) -> bytes:
        """See `TableFile`. A replaced column keeps its type if its new values do, and is text otherwise."""
        table = self.table
        for index, new in changed.items():
            old = self.table.schema.field(index)
            array = _array(new, old.type)
            table = table.set_column(index, pa.field(old.name, array.type), array)
        out = io.BytesIO()
        with pq.ParquetWriter(out, table.schema, compression=self.compression) as writer:
            start = 0
            for rows in self.row_groups:
                writer.write_table(table.slice(start, rows), row_group_size=max(rows, 1))
                start += rows
        return out.getvalue()


def read_parquet(data: bytes) -> ParquetFile:
    """Reads a file; raises ContentMalformed."""
    try:
        file = pq.ParquetFile(io.BytesIO(data))
        table = file.read()
        columns = [_column(name, array) for name, array in zip(table.column_names, table.columns, strict=True)]
    except (pa.ArrowException, OSError, ValueError, OverflowError):
        raise ContentMalformed("it is no Parquet file that can be read") from None
    metadata = file.metadata
    groups = [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)]
    codec = metadata.row_group(0).column(0).compression if groups and metadata.num_columns else "SNAPPY"
    fields = [pa.field(one.name, one.type, one.nullable) for one in table.schema]
    bare = table.cast(pa.schema(fields)) if _has_metadata(table.schema) else table
    return ParquetFile(bare, columns, groups, "NONE" if codec == "UNCOMPRESSED" else codec)


def _has_metadata(schema: pa.Schema) -> bool:
    return schema.metadata is not None or any(one.metadata for one in schema)


def _column(name: str, array: Any) -> Column:
    kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
    if not any(is_readable(kind) for is_readable in _READABLE):
        return Column(name, [], np.zeros(len(array), dtype=np.int32), is_opaque=True)
    if pa.types.is_null(kind):
        return Column(name, [None], np.zeros(len(array), dtype=np.int32))
    if pa.types.is_timestamp(kind):
        array = array.cast(pa.timestamp("us", kind.tz), safe=False)  # Python's dates hold no nanoseconds
    elif pa.types.is_dictionary(array.type):
        array = array.cast(kind)
    encoded = array.combine_chunks().dictionary_encode(null_encoding="encode")
    values, places = coded(encoded.dictionary.to_pylist())
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32)
    return Column(name, values, places[codes] if len(codes) else codes)


def _array(new: NewCells, kind: Any) -> Any:
    return _typed(new.values, kind).take(pa.array(new.codes, type=pa.int32()))


def _typed(values: list[Any], kind: Any) -> Any:
    if not any(isinstance(value, str) for value in values) or pa.types.is_string(kind):
        try:
            return pa.array(values, type=kind)
        except (pa.ArrowException, TypeError, ValueError):
            pass
    return pa.array([None if value is None else text_of(value) for value in values], type=pa.string())
