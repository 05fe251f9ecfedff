"""What `labelmill ingest` reads: a folder of files, JSON lines, CSV, or one file; each as a stream of items."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

LINES = frozenset({".jsonl", ".ndjson"})
CSV = frozenset({".csv", ".tsv"})


@dataclass(frozen=True)
class Item:
    """One thing to ingest, or why it cannot be."""

    external_id: str
    content: bytes = b""
    path: Path | None = None
    """Where the content is, for a file that is to be read when its turn comes."""
    media_type: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    fault: tuple[str, str] | None = None
    """(reason, message) of an item that cannot be read."""


@dataclass(frozen=True)
class Columns:
    """Which columns or keys of a table hold what."""

    text: str
    external_id: str | None
    labels: tuple[str, ...]


def items(source: Path, columns: Columns, media_type: str, advanced: Callable[[int], None]) -> Iterator[Item]:
    """The items of a source; `advanced` hears of every step: files of a folder, bytes of a table."""
    suffix = source.suffix.lower()
    if source.is_dir():
        yield from _folder(source, media_type, advanced)
    elif suffix in LINES:
        yield from _json_lines(source, columns, advanced)
    elif suffix in CSV:
        yield from _csv(source, columns, advanced)
    else:
        yield Item(source.name, path=source, media_type=media_type)
        advanced(source.stat().st_size)


def extent(source: Path) -> int:
    """The sum of all steps of which `advanced` will hear."""
    return sum(1 for _ in _files(source)) if source.is_dir() else source.stat().st_size


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def _folder(folder: Path, media_type: str, advanced: Callable[[int], None]) -> Iterator[Item]:
    for path in _files(folder):
        yield Item(_legible(path.relative_to(folder).as_posix()), path=path, media_type=media_type)
        advanced(1)


def _json_lines(source: Path, columns: Columns, advanced: Callable[[int], None]) -> Iterator[Item]:
    with source.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield _from_json(line, columns, f"{source.name}:{number}")
            advanced(len(line))


def _from_json(line: bytes, columns: Columns, place: str) -> Item:
    try:
        row = json.loads(line.decode("utf-8", "surrogateescape"))
    except json.JSONDecodeError as error:
        return Item(place, fault=("INVALID_JSON", f"not JSON: {error.msg} at column {error.colno}"))
    if not isinstance(row, dict):
        return Item(place, fault=("INVALID_JSON", "not a JSON object"))
    return _row({str(key): value for key, value in row.items()}, columns, place)


def _csv(source: Path, columns: Columns, advanced: Callable[[int], None]) -> Iterator[Item]:
    def lines() -> Iterator[str]:
        with source.open("rb") as file:
            for line in file:
                advanced(len(line))
                yield line.decode("utf-8", "surrogateescape")

    csv.field_size_limit(2**31 - 1)  # a text may be longer than the 128 KiB that the module allows
    text = lines()
    first = next(text, "").removeprefix("\ufeff")
    delimiter = "\t" if source.suffix.lower() == ".tsv" else ","
    header = next(csv.reader([first], delimiter=delimiter), [])
    reader = csv.reader(text, delimiter=delimiter)
    for number, row in enumerate(reader, start=2):
        if row:
            yield _row(dict(zip(header, row, strict=False)), columns, f"{source.name}:{number}")


def _row(row: dict[str, object], columns: Columns, place: str) -> Item:
    text = row.get(columns.text)
    if not isinstance(text, str):
        return Item(place, fault=("NO_TEXT", f"no text in {columns.text!r}; see --text-column"))
    external_id = row.get(columns.external_id) if columns.external_id else None
    labels = {name: _legible(str(row[name])) for name in columns.labels if row.get(name) is not None}
    try:
        content = text.encode("utf-8", "surrogateescape")  # bytes that were no UTF-8 go as they came: the server judges
    except UnicodeEncodeError:
        return Item(place, fault=("INVALID_UTF8", "the text holds half of a surrogate pair"))
    return Item(_legible(str(external_id)) if external_id is not None else place, content, None, "text/plain", labels)


def _legible(text: str) -> str:
    """The text as proper Unicode, which names and labels must be."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
