"""JSON: an object, an array of objects, or JSON lines. Columns are paths: "patient.name", "visits[].date".

The file is written anew from what was read, so nothing passes that was not looked at (of keys that occur twice in one
object, the last one stays). Values that stay are the same to the last digit; the layout is kept where it is uniform.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any

import numpy as np

from labelmill_anonymization.errors import ContentMalformed, TextNotUtf8
from labelmill_anonymization.tables.cells import Column, coded
from labelmill_anonymization.tables.errors import ColumnNotScalar, RowMalformed
from labelmill_anonymization.tables.table_file import NewCells

_ITEM = "[]"
_ROOT = "$"
_MAX_COLUMNS = 10_000
_MAX_DEPTH = 100
Path = tuple[str | None, ...]
"""Keys; None for any item of a list."""


class Literal(str):
    """A number that a float does not hold to the last digit, as it is written."""


@dataclass
class _Leaves:
    """The cells of a column, and where they are: `parents[i][keys[i]]`."""

    cells: list[Any] = field(default_factory=list)
    parents: list[Any] = field(default_factory=list)
    keys: list[Any] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class JsonFile:
    """See `TableFile`."""

    columns: Sequence[Column]
    row_count: int
    records: list[Any]
    paths: Sequence[Path]
    leaves: Sequence[_Leaves]
    layout: _Layout
    has_names: bool = True

    def write(self, changed: Mapping[int, NewCells]) -> bytes:
        """See `TableFile`. The records are changed in place, so a file is written once."""
        for index, new in changed.items():
            values = [new.values[code] for code in new.codes.tolist()]
            leaves = self.leaves[index]
            if new.fills and self.columns[index].is_scalar and len(leaves.rows) < self.row_count:
                for record, value in zip(self.records, values, strict=True):
                    _put(record, self.paths[index], value, index)
                continue
            if self.columns[index].is_scalar:
                values = [values[row] for row in leaves.rows]
            for parent, key, value in zip(leaves.parents, leaves.keys, values, strict=True):
                parent[key] = value
        text = self.layout.text(self.records)
        try:
            return text.encode("utf-8")
        except UnicodeEncodeError:  # half of a surrogate pair, which only an escape can write
            return replace(self.layout, ascii_only=True).text(self.records).encode("utf-8")


def read_json(data: bytes) -> JsonFile:
    """Reads an object or an array; raises ContentMalformed, TextNotUtf8."""
    text = _text(data)
    numbers = _Numbers()
    try:
        document = numbers.load(text)
    except (ValueError, RecursionError):
        raise ContentMalformed("it is no JSON") from None
    records = document if isinstance(document, list) else [document]
    indented = re.match(r"\s*[\[{]\s*\n( *)", text)
    layout = _Layout(
        is_list=isinstance(document, list),
        indent=max(1, len(indented[1])) if indented else None,
        ascii_only=text.isascii(),
        spaced=re.search(r'":\s', text) is not None,
        end=text[len(text.rstrip()) :],
        exact=numbers.exact,
    )
    return _file(records, layout)


def read_json_lines(data: bytes) -> JsonFile:
    """Reads one value a line; raises RowMalformed, ContentMalformed, TextNotUtf8."""
    text = _text(data)
    numbers = _Numbers()
    records = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                records.append(numbers.load(line))
            except (ValueError, RecursionError):
                raise RowMalformed(number, "is no JSON") from None
    if not records:
        raise ContentMalformed("it has no rows")
    layout = _Layout(
        is_list=None,
        indent=None,
        ascii_only=text.isascii(),
        spaced=re.search(r'":\s', text) is not None,
        end=text[len(text.rstrip()) :],
        exact=numbers.exact,
    )
    return _file(records, layout)


@dataclass(frozen=True)
class _Layout:
    """How the file is written."""

    is_list: bool | None
    """None: one record a line."""
    indent: int | None
    ascii_only: bool
    spaced: bool
    end: str
    exact: bool
    """Whether floats hold all numbers."""

    def text(self, records: list[Any]) -> str:
        """The file."""
        if self.is_list is None:
            return "\n".join(self._dump(record) for record in records) + self.end
        return self._dump(records if self.is_list else records[0]) + self.end

    def _dump(self, value: Any) -> str:
        comma = "," if self.indent is not None or not self.spaced else ", "
        colon = ": " if self.spaced or self.indent is not None else ":"
        if self.exact:
            return json.dumps(value, ensure_ascii=self.ascii_only, indent=self.indent, separators=(comma, colon))
        quote = encode_basestring_ascii if self.ascii_only else encode_basestring
        return "".join(_written(value, quote, comma, colon, self.indent, 0))


class _Numbers:
    """Reads JSON; remembers whether floats held all numbers."""

    def __init__(self) -> None:
        self.exact = True
        self._decoder = json.JSONDecoder(parse_float=self._float, parse_constant=_refuse)

    def load(self, text: str) -> Any:
        """The value; raises ValueError."""
        if "-0" in text and re.search(r"-0(?![.\deE])", text):  # an integer would lose the sign
            return json.JSONDecoder(parse_float=self._float, parse_int=self._int, parse_constant=_refuse).decode(text)
        return self._decoder.decode(text)

    def _float(self, text: str) -> float | Literal:
        number = float(text)
        if repr(number) == text:
            return number
        self.exact = False
        return Literal(text)

    def _int(self, text: str) -> int | Literal:
        if text != "-0":
            return int(text)
        self.exact = False
        return Literal(text)


def _refuse(_constant: str) -> None:
    raise ValueError


def _text(data: bytes) -> str:
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
        text.encode("utf-8")
    except UnicodeError:
        raise TextNotUtf8 from None
    return text


def _file(records: list[Any], layout: _Layout) -> JsonFile:
    found: dict[Path, _Leaves] = {}
    for row in range(len(records)):
        _walk(records, row, (), row, found)
        if len(found) > _MAX_COLUMNS:
            raise ContentMalformed(f"it has more than {_MAX_COLUMNS} columns")
    paths = list(found)
    columns = [_column(path, found[path], len(records)) for path in paths]
    return JsonFile(columns, len(records), records, paths, [found[path] for path in paths], layout)


def _walk(parent: Any, key: Any, path: Path, row: int, found: dict[Path, _Leaves]) -> None:
    value = parent[key]
    if value in ({}, []):
        found.setdefault(path, _Leaves())  # no cell, but its keys must be looked at
        return
    if len(path) > _MAX_DEPTH:
        raise RowMalformed(row + 1, f"is nested more than {_MAX_DEPTH} deep")
    if type(value) is dict:
        for name in value:
            _walk(value, name, (*path, name), row, found)
    elif type(value) is list:
        for index in range(len(value)):
            _walk(value, index, (*path, None), row, found)
    else:
        leaves = found.get(path)
        if leaves is None:
            leaves = found[path] = _Leaves()
        leaves.cells.append(value)
        leaves.parents.append(parent)
        leaves.keys.append(key)
        leaves.rows.append(row)


def _column(path: Path, leaves: _Leaves, row_count: int) -> Column:
    is_scalar = None not in path and bool(leaves.cells)
    cells = leaves.cells
    if is_scalar and len(cells) < row_count:
        cells = [None] * row_count
        for row, value in zip(leaves.rows, leaves.cells, strict=True):
            cells[row] = value
    values, codes = coded(cells)
    keys = tuple(part for part in path if part is not None)
    return Column(_name(path), values, codes.astype(np.int32), is_scalar, keys=keys)


def _name(path: Path) -> str:
    name = ""
    for part in path:
        name += _ITEM if part is None else f".{part}" if name else part
    return name or _ROOT


def _put(record: Any, path: Path, value: Any, column: int) -> None:
    """Sets a cell that may be absent: all rows must say the same of a quasi-identifier, absent ones too."""
    for part in path[:-1]:
        record = record.setdefault(part, {}) if type(record) is dict else None
    if not path or type(record) is not dict or isinstance(record.get(path[-1]), dict | list):
        raise ColumnNotScalar(column + 1)
    record[path[-1]] = value


def _written(value: Any, quote: Any, comma: str, colon: str, indent: int | None, level: int) -> Iterator[str]:
    """JSON as json.dumps writes it, but for literals."""
    if isinstance(value, Literal):
        yield value
    elif isinstance(value, str):
        yield quote(value)
    elif isinstance(value, dict | list) and value:
        is_dict = isinstance(value, dict)
        inner = "" if indent is None else "\n" + " " * indent * (level + 1)
        yield "{" if is_dict else "["
        for number, item in enumerate(value):
            yield (comma if number else "") + inner
            if is_dict:
                yield quote(item) + colon
            yield from _written(value[item] if is_dict else item, quote, comma, colon, indent, level + 1)
        yield ("" if indent is None else "\n" + " " * indent * level) + ("}" if is_dict else "]")
    else:
        yield json.dumps(value)
