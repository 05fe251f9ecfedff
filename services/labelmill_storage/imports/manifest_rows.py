"""A row of a manifest, checked and made an item. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import PurePosixPath

from labelmill_runtime.errors import InvalidArgument, LabelmillError
from labelmill_storage.imports.ports import Found, InvalidRow, NoContent
from labelmill_storage.imports.sources import Manifest, SourceForbidden, is_s3, split_uri

MAX_ROW_BYTES = 16 * 1024 * 1024
"""Longer rows, and longer lines, are none."""

_MAX_EXTERNAL_ID = 1024
_MAX_MEDIA_TYPE = 100
_TEXT = "text/plain"
_SCALARS = (str, int, float, Decimal, date, datetime, time)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the content of a row is, if not in the row."""

    path: str = ""
    """Relative to the manifest's folder, or a key relative to its bucket when `bucket` is set."""
    bucket: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it was parsed, or why it was not."""

    number: int
    """From 1, the header not counted."""
    values: Mapping[str, object] = field(default_factory=dict)
    fault: LabelmillError | None = None


class InvalidText(InvalidArgument):
    """A value that is no Unicode."""

    def __init__(self, what: str) -> None:
        super().__init__("INVALID_TEXT", f"The row's {what} is no valid Unicode, or holds NUL.")


class Rows:
    """Makes items of rows.

    An item is known by its external id, or by its row's number where it has none or shares it with a row before. The
    ids of a manifest are remembered while it is read.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._name = PurePosixPath(manifest.uri).name
        self._seen: set[int] = set()

    def item(self, row: Row) -> Found:
        """The item of a row; its fault stands in it."""
        place = _safe(f"{self._name}:{row.number}")
        nameless = Found(place, f"row\0{row.number}".encode(), "", external_id=place)
        if row.fault is not None:
            return replace(nameless, fingerprint=row.fault.reason, fault=row.fault)
        named = nameless
        try:
            named = replace(named, fingerprint=_digest(row.values, self._manifest.columns))
            named = self._named(named, row)
            return self._filled(named, row)
        except LabelmillError as error:
            return replace(named, fault=error)
        except RecursionError:  # it could be parsed, just about
            return replace(named, fault=InvalidRow("it is nested too deeply"))

    def _named(self, found: Found, row: Row) -> Found:
        external_id = _text(row.values.get(self._manifest.external_id_column), "external id")[-_MAX_EXTERNAL_ID:]
        if not external_id:
            return found
        key, identity = self._identity(external_id, row.number)
        return replace(found, key=key, identity=identity, external_id=external_id)

    def _filled(self, found: Found, row: Row) -> Found:
        manifest, values = self._manifest, row.values
        value = values.get(manifest.content_column)
        content = _content(value)
        media_type = _text(values.get(manifest.media_type_column), "media type")
        if len(media_type) > _MAX_MEDIA_TYPE:
            raise InvalidRow("its media type is too long")
        return replace(
            found,
            place=content or _place(_text(values.get(manifest.uri_column), "uri")),
            size_bytes=len(content),
            media_type=media_type or (_TEXT if isinstance(value, str) and value else ""),
            subject=_text(values.get(manifest.subject_column), "subject"),
            labels={name: _label(values[name]) for name in manifest.label_columns if values.get(name) is not None},
        )

    def _identity(self, external_id: str, number: int) -> tuple[str, bytes]:
        short = int.from_bytes(hashlib.sha256(external_id.encode()).digest()[:8], "big")
        if short in self._seen:
            return f"{external_id} (row {number})", f"again\0{number}".encode()
        self._seen.add(short)
        return external_id, f"id\0{external_id}".encode()


def _content(value: object) -> bytes:
    match value:
        case None:
            return b""
        case bytes():
            return value
        case str():
            # What was no UTF-8 goes on as it came: the content is judged like any other.
            return _bytes(value)
    raise InvalidRow("its content is neither text nor bytes")


def _place(uri: str) -> Place:
    if not uri:
        raise NoContent
    if is_s3(uri):
        bucket, key = split_uri(uri)
        if not bucket or not key:
            raise InvalidRow("its uri names no object")
        return Place(key, bucket)
    path = PurePosixPath(uri)
    if "://" in uri or path.is_absolute() or ".." in path.parts:
        raise SourceForbidden("The row's uri leads out of the manifest's folder.")
    return Place(str(path))


def _label(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, _SCALARS):
        raise InvalidRow("a label is no single value")
    return _text(str(value), "label")


def _text(value: object, what: str) -> str:
    """A value as text that can be kept; empty for none."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, _SCALARS):
        raise InvalidRow(f"its {what} is no text")
    text = str(value)
    if "\0" in text or _surrogates(text):
        raise InvalidText(what)
    return text


def _surrogates(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise InvalidArgument("INVALID_UTF8", "The text holds half of a surrogate pair.") from None


def _digest(values: Mapping[str, object], columns: Collection[str]) -> str:
    hashed = hashlib.sha256()
    for name in sorted(columns):
        value = values.get(name)
        data = value if isinstance(value, bytes) else repr(value).encode("utf-8", "backslashreplace")
        for part in (name.encode(), type(value).__name__.encode(), data):
            hashed.update(len(part).to_bytes(8, "big"))
            hashed.update(part)
    return hashed.hexdigest()


def _safe(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
