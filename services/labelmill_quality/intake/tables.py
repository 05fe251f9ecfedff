"""Table files as columns of labels, read batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import pyarrow as pa
from pyarrow import csv, ipc, json, parquet

from labelmill_quality.intake.cells import as_names
from labelmill_quality.intake.errors import ColumnMissing, ContentMalformed, TooManyRows, UnsupportedMediaType

ARROW_STREAM = "application/vnd.apache.arrow.stream"
_BATCH_ROWS = 65_536
_BLOCK_BYTES = 4 << 20
_LONGEST = 256
_LONGEST_CLASS = 63

Batches = Iterator[pa.RecordBatch]
Names: TypeAlias = "pa.DictionaryArray[Any, Any]"


@dataclass(frozen=True)
class ColumnNames:
    """What the columns are called."""

    item: str = "item"
    labeler: str = "labeler"
    class_name: str = "class_name"

    def __iter__(self) -> Iterator[str]:
        return iter((self.item, self.labeler, self.class_name))


@dataclass
class LabelColumns:
    """Labels as three columns of equal length, in the order in which they came; each piece a dictionary of its own."""

    row_limit: int
    items: list[Names] = field(default_factory=list)
    labelers: list[Names] = field(default_factory=list)
    classes: list[Names] = field(default_factory=list)
    rows: int = 0

    def add(self, items: pa.Array[Any], labelers: pa.Array[Any], classes: pa.Array[Any], names: ColumnNames) -> None:
        """Appends rows. Raises CellRefused, TooManyRows."""
        if self.rows + len(items) > self.row_limit:
            raise TooManyRows(self.row_limit)
        for column, some in zip(
            (self.items, self.labelers, self.classes), checked(items, labelers, classes, names, self.rows), strict=True
        ):
            column.append(some)
        self.rows += len(items)

    def columns(self) -> tuple[Any, Any, Any]:
        """Items, labelers and classes, as `make_table` takes them."""
        kind: Any = pa.dictionary(pa.int32(), pa.string())
        return (
            pa.chunked_array(self.items, kind),
            pa.chunked_array(self.labelers, kind),
            pa.chunked_array(self.classes, kind),
        )


def checked(
    items: pa.Array[Any], labelers: pa.Array[Any], classes: pa.Array[Any], names: ColumnNames, first_row: int
) -> tuple[Names, Names, Names]:
    """Rows as names. Raises CellRefused."""
    return (
        as_names(items, names.item, first_row, _LONGEST),
        as_names(labelers, names.labeler, first_row, _LONGEST),
        as_names(classes, names.class_name, first_row, _LONGEST_CLASS),
    )


def read_table(path: Path, media_type: str, names: ColumnNames, row_limit: int) -> LabelColumns:
    """The labels of a table file.

    Args:
        path: The file.
        media_type: What it is.
        names: What its columns are called; others are not read.
        row_limit: Rows that it may have.

    Raises:
        UnsupportedMediaType: It is no table.
        ContentMalformed: It is not what it is said to be.
        ColumnMissing: It lacks one.
        CellRefused: A cell is no item, labeler or answer.
        TooManyRows: It has more.
    """
    columns = LabelColumns(row_limit)
    for batch in _batches(path, media_type, names):
        columns.add(batch.column(names.item), batch.column(names.labeler), batch.column(names.class_name), names)
    return columns


def read_batches(path: Path, media_type: str, names: ColumnNames) -> Iterator[tuple[Names, Names, Names]]:
    """The same, some rows at a time, any number of them."""
    row = 0
    for batch in _batches(path, media_type, names):
        three = (batch.column(names.item), batch.column(names.labeler), batch.column(names.class_name))
        yield checked(*three, names, row)
        row += len(batch)


def _batches(path: Path, media_type: str, names: ColumnNames) -> Batches:
    reader = READERS.get(media_type)
    if reader is None:
        raise UnsupportedMediaType(media_type, ", ".join(READERS))
    with _as_malformed(media_type):
        yield from reader(path, tuple(names))


def _parquet(path: Path, names: Sequence[str]) -> Batches:
    schema = parquet.read_schema(path)
    _require(schema, names)
    # As dictionaries, so that a long text in every row is in memory once.
    texts = [name for name in names if pa.types.is_string(schema.field(name).type)]
    with parquet.ParquetFile(path, read_dictionary=texts) as file:
        yield from file.iter_batches(_BATCH_ROWS, columns=list(names))


def _arrow_stream(path: Path, names: Sequence[str]) -> Batches:
    with pa.memory_map(str(path)) as file, ipc.open_stream(file) as reader:
        _require(reader.schema, names)
        yield from map(_sound, reader)


def _arrow_file(path: Path, names: Sequence[str]) -> Batches:
    with pa.memory_map(str(path)) as file, ipc.open_file(file) as reader:
        _require(reader.schema, names)
        yield from (_sound(reader.get_batch(number)) for number in range(reader.num_record_batches))


def _separated(delimiter: str) -> Callable[[Path, Sequence[str]], Batches]:
    def read(path: Path, names: Sequence[str]) -> Batches:
        parse, block = csv.ParseOptions(delimiter=delimiter), csv.ReadOptions(block_size=_BLOCK_BYTES)
        with csv.open_csv(path, read_options=block, parse_options=parse) as head:
            _require(head.schema, names)
        convert = csv.ConvertOptions(
            include_columns=list(names), column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
        )
        with csv.open_csv(path, read_options=block, parse_options=parse, convert_options=convert) as reader:
            yield from reader

    return read


def _json_lines(path: Path, names: Sequence[str]) -> Batches:
    block, parse = (
        json.ReadOptions(block_size=_BLOCK_BYTES),
        json.ParseOptions(
            explicit_schema=pa.schema([(name, pa.string()) for name in names]), unexpected_field_behavior="ignore"
        ),
    )
    with json.open_json(path, read_options=block, parse_options=parse) as reader:
        _require(reader.schema, names)
        yield from reader


READERS: MappingProxyType[str, Callable[[Path, Sequence[str]], Batches]] = MappingProxyType(
    {
        "application/vnd.apache.parquet": _parquet,
        ARROW_STREAM: _arrow_stream,
        "application/vnd.apache.arrow.file": _arrow_file,
        "text/csv": _separated(","),
        "text/tab-separated-values": _separated("\t"),
        "application/x-ndjson": _json_lines,
        "application/jsonl": _json_lines,
    }
)
"""Media type -> how its batches are read."""


def _require(schema: pa.Schema, names: Sequence[str]) -> None:
    for name in names:
        if schema.get_field_index(name) < 0:  # also where two columns are called so
            raise ColumnMissing(name)


def _sound(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch, if what its offsets and places point at lies within it: Arrow reads bytes as they are."""
    batch.validate(full=True)
    return batch


@contextmanager
def _as_malformed(media_type: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        # Arrow's messages quote cells: none of it is told.
        raise ContentMalformed(media_type) from None
