"""CSV, JSON and Parquet: what stays is the same to the last byte or digit, what is replaced is replaced everywhere."""

import io
import json
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelmill_anonymization.adapters.parquet import read_parquet
from labelmill_anonymization.errors import ContentMalformed, TextNotUtf8
from labelmill_anonymization.tables.cells import Column
from labelmill_anonymization.tables.csv_file import TAB, read_csv
from labelmill_anonymization.tables.errors import ColumnNotScalar, RowMalformed
from labelmill_anonymization.tables.json_file import read_json, read_json_lines
from labelmill_anonymization.tables.rules import CsvHeader
from labelmill_anonymization.tables.table_file import NewCells, TableFile

PRESENT, DETECT, ABSENT = CsvHeader.PRESENT, CsvHeader.DETECT, CsvHeader.ABSENT


def cells(column: Column) -> list[object]:
    return [column.values[code] for code in column.codes]


def same(value: object, table: TableFile, index: int) -> NewCells:
    return NewCells([value], np.zeros(table.columns[index].cell_count, dtype=np.int32))


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)


@given(
    st.integers(1, 4).flatmap(lambda n: st.lists(st.tuples(*[st.tuples(texts, st.booleans())] * n), min_size=1)),
    st.sampled_from([",", ";", TAB, "|"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["", "\n", "\r\n\r\n"]),
    st.sampled_from(["", "\ufeff"]),
)
def test_csv_that_nothing_changes_is_the_same_byte_for_byte(
    rows: list[tuple[tuple[str, bool], ...]], delimiter: str, end: str, tail: str, mark: str
) -> None:
    names = [f"name {i}" for i in range(len(rows[0]))]
    written = [[quoted(text, force, delimiter) for text, force in row] for row in rows]
    text = mark + end.join(map(delimiter.join, [names, *written])) + tail
    table = read_csv(text.encode(), PRESENT, delimiter)
    assert table.write({}).decode() == text
    blank_end = len(rows[0]) == 1 and not rows[-1][0][0]  # lines of nothing at the end of one column are no rows
    if not blank_end:
        columns = [[row[i][0] for row in rows] for i in range(len(rows[0]))]
        assert [cells(column) for column in table.columns] == columns


def quoted(text: str, force: bool, delimiter: str) -> str:
    if force or text.startswith('"') or any(c in text for c in (delimiter, "\r", "\n")):
        return '"' + text.replace('"', '""') + '"'
    return text


def test_a_replaced_column_leaves_the_bytes_of_all_others_alone() -> None:
    text = 'id;"name";note\r\n1;"Ann ""A"" Lee";" x; y "\r\n02;Bob;"z"\r\n'
    table = read_csv(text.encode(), DETECT)
    assert [column.name for column in table.columns] == ["id", "name", "note"]
    clean = table.write({1: same('<a;"b">', table, 1)}).decode()
    assert clean == 'id;"name";note\r\n1;"<a;""b"">";" x; y "\r\n02;"<a;""b"">";"z"\r\n'


def test_cells_of_a_replaced_column_that_stay_keep_their_quotes() -> None:
    table = read_csv(b'a\n"x"\ny\n"z"\n', PRESENT)
    clean = table.write({0: NewCells(["x", "y", "<>"], np.array([0, 1, 2], dtype=np.int32))})
    assert clean == b'a\n"x"\ny\n"<>"\n'


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("name,city\nAnn,Rome", ["name", "city"]),
        ("Ann,34\nBob,35", ["column_1", "column_2"]),
        ("Ann,2024-01-01\n", ["column_1", "column_2"]),
        ("Ann,Ann\n", ["column_1", "column_2"]),
        ("Ann,\n", ["column_1", "column_2"]),
    ],
)
def test_a_first_row_of_data_is_no_header(text: str, names: list[str]) -> None:
    assert [column.name for column in read_csv(text.encode(), DETECT).columns] == names
    assert read_csv(text.encode(), ABSENT).columns[0].name == "column_1"


@pytest.mark.parametrize(
    ("data", "row"),
    [
        (b"a,b\n1,2\n3\n", 3),
        (b'a,b\n1,"2\n3,4\n', 2),
        (b'a,b\n"1"x,2\n', 2),
        (b"a,b\n\n1,2\n", 2),
        (b'"a",b\n1,2,3', 2),
    ],
)
def test_a_bad_row_is_named_by_its_number(data: bytes, row: int) -> None:
    with pytest.raises(RowMalformed) as caught:
        read_csv(data, DETECT, ",")
    assert caught.value.metadata["row"] == str(row)


def test_quotes_cannot_make_reading_slow() -> None:
    with pytest.raises(RowMalformed):
        read_csv(b'"' + b'""' * 500_000 + b"x", DETECT)


@pytest.mark.parametrize(("data", "delimiter"), [(b"a;b\n1,5;2\n", ";"), (b"a\tb\n1\t2", TAB), (b'"x,y"|b\n1|2', "|")])
def test_the_delimiter_is_told_from_the_file(data: bytes, delimiter: str) -> None:
    assert read_csv(data, DETECT).delimiter == delimiter


numbers = st.one_of(st.integers(), st.decimals(allow_nan=False, allow_infinity=False).map(lambda d: Exact(str(d))))
leaves = st.one_of(st.none(), st.booleans(), st.text(max_size=5), numbers)
trees = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)


class Exact(str):
    """A number by its digits."""


def exact(text: str) -> object:
    return json.loads(text, parse_float=lambda t: ("number", t), parse_int=lambda t: ("number", t))


def dumped(tree: object) -> str:
    """JSON in which decimals stand digit by digit."""
    if isinstance(tree, Exact):
        return str(Decimal(tree)).replace("E+", "e") if "E" in tree else tree
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{json.dumps(k)}: {dumped(v)}" for k, v in tree.items()) + "}"
    return "[" + ", ".join(map(dumped, tree)) + "]" if isinstance(tree, list) else json.dumps(tree)


@given(trees)
def test_json_that_nothing_changes_is_the_same_to_the_last_digit(tree: object) -> None:
    text = dumped(tree)
    assert exact(read_json(text.encode()).write({}).decode()) == exact(text)
    lines = f"{text}\n{text}\n"
    assert list(map(exact, read_json_lines(lines.encode()).write({}).decode().splitlines())) == [exact(text)] * 2


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "b": [1.0, 1e400, -0, 0.1000000000000000055]}\n',
        '{"a":1,"b":["é"]}',
        '[\n  {\n    "a": 1.50,\n    "b": {}\n  },\n  {\n    "a": []\n  }\n]\n',
        '{"a": "\\ud800"}',
    ],
)
def test_a_uniform_layout_is_kept(text: str) -> None:
    assert read_json(text.encode()).write({}).decode() == text


def test_paths_are_columns() -> None:
    table = read_json(b'[{"who": {"name": "Ann"}, "tags": ["x", "y"]}, {"tags": []}, {"who": {"name": "Bob"}}]')
    assert [(c.name, c.is_scalar, cells(c)) for c in table.columns] == [
        ("who.name", True, ["Ann", None, "Bob"]),
        ("tags[]", False, ["x", "y"]),
        ("tags", False, []),  # an empty list has no cells, but a name
    ]
    clean = table.write({0: same("*", table, 0), 1: same("-", table, 1)})
    assert json.loads(clean) == [
        {"who": {"name": "*"}, "tags": ["-", "-"]},
        {"tags": []},
        {"who": {"name": "*"}},
    ]


def test_a_row_without_the_cell_does_not_stand_out_in_its_class() -> None:
    table = read_json(b'[{"who": {"age": 1}}, {}]')
    assert json.loads(table.write({0: replace(same("*", table, 0), fills=True)})) == [{"who": {"age": "*"}}] * 2
    table = read_json(b'[{"who": 1}, {"who": {"age": 1}}]')
    with pytest.raises(ColumnNotScalar):
        table.write({0: replace(same("*", table, 0), fills=True)})


def test_a_key_that_holds_now_a_value_and_now_an_object_is_two_columns() -> None:
    table = read_json(b'[{"who": "Ann"}, {"who": {"age": 1}}]')
    assert [column.name for column in table.columns] == ["who", "who.age"]
    assert json.loads(table.write({0: same("*", table, 0)})) == [{"who": "*"}, {"who": {"age": 1}}]


@pytest.mark.parametrize("data", [b"", b"[1,", b"{} {}", b"NaN", b"[" * 100_000, b'{"a": 1' + b"0" * 5000 + b"}"])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(ContentMalformed):
        read_json(data)


def test_a_bad_line_is_named_by_its_number() -> None:
    with pytest.raises(RowMalformed) as caught:
        read_json_lines(b'{"a": 1}\n\n{"a": secret}\n')
    assert caught.value.metadata["row"] == "3"
    assert "secret" not in str(caught.value)


def test_text_must_be_utf8() -> None:
    for read in (read_json, read_json_lines, lambda data: read_csv(data, DETECT)):
        with pytest.raises(TextNotUtf8):
            read(b"\xff")


def parquet(table: pa.Table, **options: object) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)  # type: ignore[arg-type]
    return out.getvalue()


def test_parquet_columns_that_stay_keep_types_values_and_row_groups() -> None:
    table = pa.table(
        {
            "name": pa.array(["Ann", None, "Bob", "Ann"]),
            "n": pa.array([1, None, 3, 4], pa.int16()),
            "x": pa.array([0.1, float("nan"), -0.0, 1e300]),
            "d": pa.array([Decimal("1.10"), None, Decimal("-2.00"), Decimal("3.00")], pa.decimal128(9, 2)),
            "t": pa.array([1, 2, 3, None], pa.timestamp("ns", "UTC")),
            "c": pa.array(["u", "v", "u", "u"]).dictionary_encode(),
            "l": pa.array([[1], [], None, [2, 3]], pa.list_(pa.int8())),
            "b": pa.array([True, False, None, True]),
        }
    ).replace_schema_metadata({"owner": "Ann Lee"})
    read = read_parquet(parquet(table, row_group_size=3, compression="zstd"))
    assert [column.is_opaque for column in read.columns] == [False] * 6 + [True, False]
    file = pq.ParquetFile(io.BytesIO(read.write({0: same("*", read, 0)})))
    clean = file.read()
    assert clean["name"].to_pylist() == ["*"] * 4
    others = ["name", "x"]
    assert clean.drop_columns(others).equals(table.drop_columns(others))
    assert repr(clean["x"].to_pylist()) == repr(table["x"].to_pylist())  # NaN equals nothing, itself included
    assert clean.schema.types == table.schema.types
    assert [file.metadata.row_group(i).num_rows for i in range(2)] == [3, 1]
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    assert b"Ann Lee" not in read.write({})


def test_a_replaced_parquet_column_of_numbers_becomes_text_only_if_it_must() -> None:
    read = read_parquet(parquet(pa.table({"n": [1, 2]})))
    assert pq.read_table(io.BytesIO(read.write({0: same(None, read, 0)})))["n"].type == pa.int64()
    assert pq.read_table(io.BytesIO(read.write({0: same("1..2", read, 0)})))["n"].to_pylist() == ["1..2"] * 2


def test_an_empty_parquet_file_is_a_table() -> None:
    read = read_parquet(parquet(pa.table({"n": pa.array([], pa.int64())})))
    assert pq.read_table(io.BytesIO(read.write({}))).num_rows == 0
