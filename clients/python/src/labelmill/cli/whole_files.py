"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import typer


class Rows:
    """Where rows go, one JSON line each, and files beside them."""

    def __init__(self, lines: IO[str], folder: Path | None) -> None:
        self._lines = lines
        self._folder = folder

    def row(self, row: Mapping[str, Any]) -> None:
        """Writes one row."""
        self._lines.write(json.dumps(row, ensure_ascii=False) + "\n")

    def content(self, name: str, content: bytes) -> None:
        """Writes one file of the folder."""
        if self._folder is not None:
            (self._folder / name).write_bytes(content)


@contextmanager
def rows(output: Path | None, with_contents: bool) -> Iterator[Rows]:
    """A file of rows, a folder with rows.jsonl and contents/, or standard output."""
    if output is None:
        yield Rows(sys.stdout, None)
        return
    if with_contents and output.exists():
        raise typer.BadParameter(f"{output} is there already")
    partial = output.with_name(f".{output.name}.partial")
    try:
        if with_contents:
            shutil.rmtree(partial, ignore_errors=True)
            (partial / "contents").mkdir(parents=True)
            with (partial / "rows.jsonl").open("w", encoding="utf-8") as lines:
                yield Rows(lines, partial)
        else:
            with partial.open("w", encoding="utf-8") as lines:
                yield Rows(lines, None)
        partial.replace(output)
    finally:
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink(missing_ok=True)


def write(path: Path, chunks: Iterable[bytes], sha256: str) -> bool:
    """Writes a file if it has this SHA-256; returns whether it does."""
    partial, digest = path.with_name(f".{path.name}.partial"), hashlib.sha256()
    try:
        with partial.open("wb") as file:
            for chunk in chunks:
                digest.update(chunk)
                file.write(chunk)
        if digest.hexdigest() != sha256:
            return False
        partial.replace(path)
        return True
    finally:
        partial.unlink(missing_ok=True)
