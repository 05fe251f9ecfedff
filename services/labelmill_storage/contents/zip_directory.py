"""The central directory of a zip archive, checked against the file. Pure.

APPNOTE 6.3.10 (PKWARE), sections 4.3 and 4.5.3.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from labelmill_storage.contents.limits import ContentBomb, Limits
from labelmill_storage.contents.samples import DIRECTORY_BYTES, Sample

_END = b"PK\x05\x06"
_END_BYTES = 22
_END_SEARCH = _END_BYTES + 65535
_WIDE_END = b"PK\x06\x06"
_WIDE_LOCATOR = b"PK\x06\x07"
_ENTRY = b"PK\x01\x02"
_ENTRY_FORM = struct.Struct("<4s6H3I5H2I")
_LOCAL_BYTES = 30
_WIDE_EXTRA = 1
_UNSAID_16, _UNSAID_32 = 0xFFFF, 0xFFFFFFFF


class Damaged(Exception):
    """The bytes contradict themselves or are cut off."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file in the archive, as the directory describes it."""

    method: int
    is_encrypted: bool
    packed_size: int
    size: int
    offset: int
    """Of its local header."""


@dataclass(frozen=True, slots=True)
class _Directory:
    start: int
    size: int
    count: int
    shift: int
    """How far the file's offsets are off, because something precedes the archive."""


def entries(content: Sample, limits: Limits) -> list[Entry]:
    """All entries.

    Raises:
        Damaged: The directory contradicts itself or the file.
        ContentBomb: Too many entries, entries that share bytes, or a directory too large to be checked.
    """
    directory = _find(content)
    if directory.count > limits.archive_entries:
        raise ContentBomb("entries", limits.archive_entries)
    body = content.at(directory.start, directory.size)
    if len(body) < directory.size:
        raise ContentBomb("directory", DIRECTORY_BYTES)
    found = list(_entries(body, directory.shift, limits))
    if len(found) != directory.count:
        raise Damaged
    _check_places(found, directory.start)
    return found


def packed(content: Sample, entry: Entry) -> bytes:
    """An entry's compressed bytes; empty where they were not kept as a whole."""
    local = content.at(entry.offset, _LOCAL_BYTES)
    if len(local) < _LOCAL_BYTES:
        return b""
    if not local.startswith(b"PK\x03\x04"):
        raise Damaged
    name, extra = struct.unpack_from("<HH", local, 26)
    found = content.at(entry.offset + _LOCAL_BYTES + name + extra, entry.packed_size)
    return found if len(found) == entry.packed_size else b""


def _find(content: Sample) -> _Directory:
    start = max(0, content.size_bytes - _END_SEARCH)
    ending = content.at(start, _END_SEARCH)
    if not ending and content.tail:
        start, ending = content.tail_at, content.tail
    at = ending.rfind(_END)
    while at >= 0:
        if at + _END_BYTES <= len(ending):
            disk, first_disk, here, count, size, offset, comment = struct.unpack_from("<4H2IH", ending, at + 4)
            if at + _END_BYTES + comment == len(ending):
                break
        at = ending.rfind(_END, 0, at)
    else:
        raise Damaged
    if _UNSAID_16 in (count, here) or _UNSAID_32 in (size, offset):
        return _find_wide(content, start + at, (count, size, offset))
    if disk or first_disk or here != count:
        raise Damaged
    return _placed(start + at, count, size, offset)


def _find_wide(content: Sample, end: int, said: tuple[int, int, int]) -> _Directory:
    """Zip64: what does not fit says so, and stands in a wider record before; what does fit must be the same in both."""
    locator = content.at(end - 20, 20)
    if not locator.startswith(_WIDE_LOCATOR):
        raise Damaged
    record_at = struct.unpack_from("<Q", locator, 8)[0]
    record = content.at(record_at, 56)
    if len(record) < 56 or not record.startswith(_WIDE_END):
        raise Damaged
    here, count, size, offset = struct.unpack_from("<4Q", record, 24)
    limits = (_UNSAID_16, _UNSAID_32, _UNSAID_32)
    pairs = zip(said, (count, size, offset), limits, strict=True)
    if here != count or any(narrow not in (unsaid, wide) for narrow, wide, unsaid in pairs):
        raise Damaged
    return _placed(record_at, count, size, offset)


def _placed(end: int, count: int, size: int, offset: int) -> _Directory:
    start = end - size
    if start < 0 or start < offset or size < count * _ENTRY_FORM.size:
        raise Damaged
    return _Directory(start, size, count, start - offset)


def _entries(body: bytes, shift: int, limits: Limits) -> Iterator[Entry]:
    at, number = 0, 0
    while at + _ENTRY_FORM.size <= len(body):
        fields = _ENTRY_FORM.unpack_from(body, at)
        if fields[0] != _ENTRY:
            raise Damaged
        number += 1
        if number > limits.archive_entries:
            raise ContentBomb("entries", limits.archive_entries)
        flags, method, packed_size, size = fields[3], fields[4], fields[8], fields[9]
        name, extra, comment, offset = fields[10], fields[11], fields[12], fields[16]
        if _UNSAID_32 in (packed_size, size, offset):
            start = at + _ENTRY_FORM.size + name
            size, packed_size, offset = _wide(body[start : start + extra], size, packed_size, offset)
        yield Entry(method, bool(flags & 1), packed_size, size, offset + shift)
        at += _ENTRY_FORM.size + name + extra + comment
    if at != len(body):
        raise Damaged


def _wide(extra: bytes, *narrow: int) -> tuple[int, ...]:
    """The values that the zip64 field holds in place of those that do not fit."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == _WIDE_EXTRA:
            values = iter(struct.unpack_from(f"<{length // 8}Q", extra.ljust(at + 4 + length, b"\0"), at + 4))
            try:
                return tuple(next(values) if value == _UNSAID_32 else value for value in narrow)
            except (StopIteration, RuntimeError):
                raise Damaged from None
        at += 4 + length
    raise Damaged


def _check_places(found: list[Entry], directory_start: int) -> None:
    """Every entry has bytes of its own, before the directory."""
    spans = sorted((entry.offset, entry.offset + _LOCAL_BYTES + entry.packed_size) for entry in found)
    if spans and spans[-1][1] > directory_start:
        raise Damaged
    if any(end > start for (_, end), (start, _) in pairwise(spans)):
        raise ContentBomb("overlap", 0)
