"""CSV: RFC 4180 with any of four delimiters, UTF-8. Cells that stay are written byte for byte as they were.

A cell that is replaced is quoted if it was quoted or has to be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labelmill_anonymization.errors import ContentMalformed, TextNotUtf8
from labelmill_anonymization.tables.cells import Codes, Column, coded, date_of, is_missing, number_of, text_of
from labelmill_anonymization.tables.errors import RowMalformed
from labelmill_anonymization.tables.rules import CsvHeader
from labelmill_anonymization.tables.table_file import NewCells

TAB = "\t"
_DELIMITERS = (",", ";", TAB, "|")
_BOM = "\ufeff"
_SAMPLE_LINES = 50
_MAX_COLUMNS = 10_000


@dataclass(frozen=True)
class CsvFile:
    """See `TableFile`."""

    columns: Sequence[Column]
    row_count: int
    has_names: bool
    delimiter: str
    head: str
    """What stands before the first row: a byte order mark, the header."""
    terminators: str | list[str]
    """What ends each row: one for all, or one for each."""
    raw: Sequence[tuple[list[str], Codes]]
    """Of each column: its different cells as they are written, and which one stands in each row."""

    def write(self, changed: Mapping[int, NewCells]) -> bytes:
        """See `TableFile`."""
        columns = [
            self._rewritten(index, changed[index]) if index in changed else [raws[code] for code in codes.tolist()]
            for index, (raws, codes) in enumerate(self.raw)
        ]
        rows = map(self.delimiter.join, zip(*columns, strict=True))
        if isinstance(self.terminators, str):
            body = self.terminators.join(rows)
        else:
            body = "".join(part for pair in zip(rows, self.terminators, strict=True) for part in pair)
        return (self.head + body).encode("utf-8")

    def _rewritten(self, index: int, new: NewCells) -> list[str]:
        """Each different pair of old and new cell is written once."""
        raws, codes = self.raw[index]
        size = len(new.values)
        pairs, places = np.unique(codes.astype(np.int64) * size + new.codes, return_inverse=True)
        texts = [self._cell(raws[pair // size], new.values[pair % size]) for pair in pairs.tolist()]
        return [texts[place] for place in places.tolist()]

    def _cell(self, raw: str, value: object) -> str:
        text = "" if value is None else text_of(value)
        if text == _value(raw):
            return raw
        if raw.startswith('"') or any(character in text for character in (self.delimiter, '"', "\r", "\n")):
            return '"' + text.replace('"', '""') + '"'
        return text


def read_csv(data: bytes, header: CsvHeader, delimiter: str | None = None) -> CsvFile:
    """Reads a table.

    Args:
        data: The file.
        header: Whether its first row names the columns.
        delimiter: None: told from the file.

    Raises:
        TextNotUtf8, RowMalformed, ContentMalformed: It is no such table.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise TextNotUtf8 from None
    if "\0" in text:
        raise ContentMalformed("it holds NUL characters")
    head = _BOM if text.startswith(_BOM) else ""
    text = text.removeprefix(_BOM)
    if not text.strip():
        raise ContentMalformed("it has no rows")
    delimiter = delimiter or _delimiter(text)
    body = text.rstrip("\r\n")
    rows, terminators = _rows(body, delimiter)
    _require_width(rows)
    tail = text[len(body) :]
    names = [_value(cell) for cell in rows[0]]
    has_names = _has_names(names) if header is CsvHeader.DETECT else header is CsvHeader.PRESENT
    if has_names:
        head += delimiter.join(rows.pop(0))
        if rows:
            head += terminators if isinstance(terminators, str) else terminators.pop(0)
    else:
        names = [f"column_{index}" for index in range(1, len(names) + 1)]
    return _file(names, rows, has_names, delimiter, head, terminators, tail)


def _file(
    names: list[str],
    rows: list[list[str]],
    has_names: bool,
    delimiter: str,
    head: str,
    terminators: str | list[str],
    tail: str,
) -> CsvFile:
    raw, columns = [], []
    for name, cells in zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True):
        raws, codes = coded(cells)
        values, places = coded([_value(one) for one in raws])
        raw.append((raws, codes))
        columns.append(Column(name, values, places[codes] if len(codes) else codes))
    # The last row ends as the file does; so its ending is that of the text after it.
    ends = [terminators] * (len(rows) - 1) if isinstance(terminators, str) else terminators
    kept: str | list[str] = terminators if isinstance(terminators, str) and not tail else [*ends[: len(rows) - 1], tail]
    if not rows:
        head, kept = head + tail, ""
    return CsvFile(tuple(columns), len(rows), has_names, delimiter, head, kept, tuple(raw))


def _rows(body: str, delimiter: str) -> tuple[list[list[str]], str | list[str]]:
    """The cells as they are written, row by row, and what stands between rows."""
    if '"' not in body:
        if "\r" not in body:
            return [line.split(delimiter) for line in body.split("\n")], "\n"
        if body.count("\r\n") == body.count("\r") == body.count("\n"):
            return [line.split(delimiter) for line in body.split("\r\n")], "\r\n"
    rows: list[list[str]] = [[]]
    terminators: list[str] = []
    for cell, end in _cells(body, delimiter, rows):
        rows[-1].append(cell)
        if end not in (delimiter, ""):
            terminators.append(end)
            rows.append([])
    return rows, terminators


def _cells(body: str, delimiter: str, rows: Sequence[object]) -> Iterator[tuple[str, str]]:
    mark = re.escape(delimiter)
    pattern = re.compile(rf'("(?:[^"]|"")*+"|[^"{mark}\r\n][^{mark}\r\n]*+|)({mark}|\r\n|\n|\r|\Z)')
    place = 0
    while True:
        match = pattern.match(body, place)
        if match is None:
            raise RowMalformed(len(rows), "has a quote that does not end its cell")
        yield match[1], match[2]
        if not match[2]:
            return
        place = match.end()


def _require_width(rows: Sequence[Sequence[str]]) -> None:
    width = len(rows[0])
    if width > _MAX_COLUMNS:
        raise ContentMalformed(f"it has more than {_MAX_COLUMNS} columns")
    for number, row in enumerate(rows, 1):
        if len(row) != width:
            raise RowMalformed(number, f"does not have {width} cells as the first row has")


def _value(raw: str) -> str:
    return raw[1:-1].replace('""', '"') if raw.startswith('"') else raw


def _delimiter(text: str) -> str:
    """The one that occurs equally often in the first lines, the oftener the better."""
    lines = [line for line in re.sub(r'"[^"]*"', "", text[:100_000]).splitlines() if line][:_SAMPLE_LINES]
    counts = {mark: [line.count(mark) for line in lines] for mark in _DELIMITERS}
    steady = {mark: found[0] for mark, found in counts.items() if found and found[0] and len(set(found)) == 1}
    if steady:
        return max(steady, key=lambda mark: steady[mark])
    return max(_DELIMITERS, key=lambda mark: counts[mark][0] if counts[mark] else 0)


def _has_names(first: Sequence[str]) -> bool:
    if len(set(first)) < len(first):
        return False
    return not any(is_missing(cell) or number_of(cell) is not None or date_of(cell) is not None for cell in first)
