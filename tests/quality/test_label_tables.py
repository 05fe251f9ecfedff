"""Table files become columns of labels."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import csv, ipc

from labelmill_quality.errors import UnknownClass
from labelmill_quality.intake.errors import (
    CellRefused,
    ColumnMissing,
    ContentMalformed,
    TooManyRows,
    UnsupportedMediaType,
)
from labelmill_quality.intake.tables import READERS, ColumnNames, read_table
from labelmill_quality.labels import make_table
from labelmill_runtime.errors import InvalidArgument

PARQUET = "application/vnd.apache.parquet"
NAMES = ColumnNames()
LABELS = pa.table(
    {
        "labeler": ["anna", "ben", "anna", "zoë"],
        "class_name": ["yes", "no", "no", '"quoted", with a comma'],
        "note": ["other columns", "are", "not", "read"],
        "item": ["x", "x", "y", "2024-01-01"],
    }
)


def write_ipc(new: Callable[..., ipc.RecordBatchStreamWriter], table: pa.Table, path: Path) -> None:
    with new(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=3)


def write_json(table: pa.Table, path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))


WRITERS = {
    PARQUET: lambda table, path: pq.write_table(table, path, row_group_size=2),
    "application/vnd.apache.arrow.stream": lambda table, path: write_ipc(ipc.new_stream, table, path),
    "application/vnd.apache.arrow.file": lambda table, path: write_ipc(ipc.new_file, table, path),
    "text/csv": csv.write_csv,
    "text/tab-separated-values": lambda table, path: csv.write_csv(table, path, csv.WriteOptions(delimiter="\t")),
    "application/x-ndjson": write_json,
    "application/jsonl": write_json,
}


def test_every_type_that_is_read_is_tried_here() -> None:
    assert set(WRITERS) == set(READERS)


@pytest.mark.parametrize("media_type", WRITERS)
def test_every_type_gives_the_same_labels(tmp_path: Path, media_type: str) -> None:
    path = tmp_path / "labels"
    WRITERS[media_type](LABELS, path)
    found = read_table(path, media_type, NAMES, 100)
    assert found.rows == 4
    items, labelers, classes = (column.to_pylist() for column in found.columns())
    assert items == ["x", "x", "y", "2024-01-01"]
    assert labelers == ["anna", "ben", "anna", "zoë"]
    assert classes == LABELS["class_name"].to_pylist()


@pytest.mark.parametrize("media_type", WRITERS)
def test_an_empty_cell_is_refused_with_its_row(tmp_path: Path, media_type: str) -> None:
    path = tmp_path / "labels"
    WRITERS[media_type](LABELS.set_column(3, "item", pa.array(["x", "x", "y", ""])), path)
    with pytest.raises(CellRefused) as caught:
        read_table(path, media_type, NAMES, 100)
    assert list(caught.value.fields) == ["item[3]"]


@pytest.mark.parametrize("media_type", WRITERS)
def test_a_missing_column_is_named(tmp_path: Path, media_type: str) -> None:
    path = tmp_path / "labels"
    WRITERS[media_type](LABELS, path)
    if media_type in ("application/x-ndjson", "application/jsonl"):
        with pytest.raises(CellRefused):  # a record may lack what others have
            read_table(path, media_type, ColumnNames(labeler="who"), 100)
        return
    with pytest.raises(ColumnMissing) as caught:
        read_table(path, media_type, ColumnNames(labeler="who"), 100)
    assert caught.value.metadata == {"column": "who"}


@pytest.mark.parametrize("media_type", WRITERS)
def test_a_file_that_breaks_off_is_refused(tmp_path: Path, media_type: str) -> None:
    path = tmp_path / "labels"
    WRITERS[media_type](LABELS, path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + b"\xff\x00\x01\xff" * 10)
    with pytest.raises((ContentMalformed, CellRefused)) as caught:
        read_table(path, media_type, NAMES, 100)
    assert "quoted" not in str(caught.value) + str(caught.value.fields)


@pytest.mark.parametrize("media_type", WRITERS)
def test_more_rows_than_the_limit_are_refused(tmp_path: Path, media_type: str) -> None:
    path = tmp_path / "labels"
    WRITERS[media_type](LABELS, path)
    with pytest.raises(TooManyRows):
        read_table(path, media_type, NAMES, 3)


def ipc_bytes(new: Callable[..., ipc.RecordBatchStreamWriter]) -> bytes:
    sink = io.BytesIO()
    table = LABELS.set_column(1, "class_name", LABELS["class_name"].dictionary_encode())
    with new(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=3)
    return sink.getvalue()


IPC = {"application/vnd.apache.arrow.stream": ipc.new_stream, "application/vnd.apache.arrow.file": ipc.new_file}


@pytest.mark.parametrize("media_type", IPC)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_arrow_with_broken_bytes_is_read_or_refused_and_never_points_outside(
    tmp_path: Path, media_type: str, data: st.DataObject
) -> None:
    whole = bytearray(ipc_bytes(IPC[media_type]))
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=4)):
        whole[place] = data.draw(st.integers(0, 255))
    path = tmp_path / "labels"
    path.write_bytes(bytes(whole))
    with contextlib.suppress(InvalidArgument):
        assert read_table(path, media_type, NAMES, 100).rows <= 100


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedMediaType) as caught:
        read_table(tmp_path / "labels", "image/png", NAMES, 100)
    assert caught.value.metadata == {"media_type": "image/png"}


def test_a_long_text_in_every_row_is_in_memory_once(tmp_path: Path) -> None:
    """A small file that would be 2 GB of text; its cells are refused before they are written out."""
    path = tmp_path / "labels"
    long = pa.DictionaryArray.from_arrays(pa.array([0] * 2000, pa.int32()), ["x" * 1_000_000])
    pq.write_table(pa.table({"item": long, "labeler": long, "class_name": long}), path)
    assert path.stat().st_size < 1_000_000
    before = pa.total_allocated_bytes()
    with pytest.raises(CellRefused):
        read_table(path, PARQUET, NAMES, 10_000)
    assert pa.total_allocated_bytes() - before < 50_000_000


def test_columns_of_many_pieces_make_a_table_with_the_right_rows_in_errors(tmp_path: Path) -> None:
    path = tmp_path / "labels"
    pq.write_table(LABELS, path, row_group_size=1)
    columns = read_table(path, PARQUET, NAMES, 100).columns()
    table = make_table(*columns)
    assert (list(table.items), list(table.labelers)) == (["2024-01-01", "x", "y"], ["anna", "ben", "zoë"])
    with pytest.raises(UnknownClass) as caught:
        make_table(*columns, class_names=["yes", "no"], field="class_name[{row}]")
    assert list(caught.value.fields) == ["class_name[3]"]
