"""The formats of manifests, each as a stream of rows; no file is ever in memory as a whole. All of them block."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import BinaryIO

from labelmill_storage.contents.content import ContentTooLarge
from labelmill_storage.imports.manifest_rows import MAX_ROW_BYTES, Row
from labelmill_storage.imports.ports import InvalidRow
from labelmill_storage.imports.sources import Format, InvalidManifest, Manifest

_PARQUET_ROWS = 64
_BOM = "\ufeff"


def rows(file: BinaryIO, manifest: Manifest) -> Iterator[Row]:
    """The rows of a manifest, in their order; raises InvalidManifest where there are none to be had."""
    match manifest.written_as:
        case Format.CSV:
            return _csv(file, manifest, ",")
        case Format.TSV:
            return _csv(file, manifest, "\t")
        case Format.JSONL:
            return _json_lines(file)
        case Format.PARQUET:
            return _parquet(file, manifest)


def _csv(file: BinaryIO, manifest: Manifest, delimiter: str) -> Iterator[Row]:
    csv.field_size_limit(MAX_ROW_BYTES)
    reader = csv.reader(_lines(file), delimiter=delimiter, strict=True)
    try:
        header = next(reader, [])
    except csv.Error:
        raise InvalidManifest("its first line is no header") from None
    _check_columns(header, manifest)
    number = 0
    while True:
        number += 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "field limit" in str(error):  # a quote that is not closed has taken what follows
                raise InvalidManifest("a field is too long, or a quote is not closed", row=number) from None
            yield Row(number, fault=InvalidRow("its quotes or line ends are not those of CSV"))
            continue
        if not fields:
            number -= 1  # an empty line
        elif len(fields) != len(header):
            yield Row(number, fault=InvalidRow("it has not as many fields as the header"))
        else:
            # An empty field is one that says nothing.
            yield Row(number, {name: value for name, value in zip(header, fields, strict=True) if value})


def _lines(file: BinaryIO) -> Iterator[str]:
    first = True
    while line := file.readline(MAX_ROW_BYTES):
        if len(line) == MAX_ROW_BYTES:
            raise InvalidManifest("a line is too long")
        text = line.decode("utf-8", "surrogateescape")
        yield text.removeprefix(_BOM) if first else text
        first = False


def _json_lines(file: BinaryIO) -> Iterator[Row]:
    number = 0
    while line := file.readline(MAX_ROW_BYTES):
        if number == 0:
            line = line.removeprefix(_BOM.encode())
        if len(line) == MAX_ROW_BYTES:
            number += 1
            _skip_line(file)
            yield Row(number, fault=ContentTooLarge(MAX_ROW_BYTES))
        elif line.strip():
            number += 1
            yield _from_json(number, line)


def _skip_line(file: BinaryIO) -> None:
    while (rest := file.readline(MAX_ROW_BYTES)) and not rest.endswith(b"\n"):
        continue


def _from_json(number: int, line: bytes) -> Row:
    try:
        value = json.loads(line.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return Row(number, fault=InvalidRow("it is not JSON"))
    if not isinstance(value, dict):
        return Row(number, fault=InvalidRow("it is no JSON object"))
    return Row(number, value)


def _parquet(file: BinaryIO, manifest: Manifest) -> Iterator[Row]:
    import pyarrow as pa  # memory that few servers need
    import pyarrow.parquet as pq

    number = 0
    try:
        table = pq.ParquetFile(file)
        _check_columns(table.schema_arrow.names, manifest)
        columns = [name for name in table.schema_arrow.names if name in manifest.columns]
        for batch in table.iter_batches(_PARQUET_ROWS, columns=columns, use_threads=False):
            for values in batch.to_pylist():
                number += 1
                yield Row(number, values)
    except (pa.ArrowException, OSError, ValueError, OverflowError):
        raise InvalidManifest("it is no sound Parquet file", row=number + 1) from None


def _check_columns(names: list[str], manifest: Manifest) -> None:
    if len(set(names)) != len(names):
        raise InvalidManifest("two of its columns have one name")
    if not {manifest.content_column, manifest.uri_column} & set(names):
        raise InvalidManifest("it has neither the content column nor the uri column")
