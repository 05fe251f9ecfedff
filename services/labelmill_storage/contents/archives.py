"""Whether an archive may be kept: what it would unpack to, without unpacking it. Pure.

Zip archives (office documents are such) say in their directory what is in them; it is checked against the file and the
limits. Of gzip, bzip2 and xz streams a beginning is decompressed and thrown away, and the rest estimated from it; what
gzip and xz say at their end counts if it is more. Work and memory are bounded, whatever the archive says. Encrypted
entries, and archives within archives that lie beyond the sample, cannot be looked into.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Any

from labelmill_storage.contents import stream_sizes, zip_directory
from labelmill_storage.contents.limits import RATIO_FLOOR_BYTES, ContentBomb, InvalidArchive, Limits
from labelmill_storage.contents.samples import Sample, sample
from labelmill_storage.contents.signatures import signature
from labelmill_storage.contents.zip_directory import Damaged, Entry

MAX_DEPTH = 3
"""Archives within archives within an archive; deeper ones are refused."""

_STREAM_BYTES = 64 * 1024
_STREAM_OUTPUT_BYTES = 96 * 1024 * 1024
_PIECE_BYTES = 64 * 1024
_MEMORY_BYTES = 128 * 1024 * 1024
_NESTED_BYTES = 8 * 1024 * 1024
_WORK_BYTES = 64 * 1024 * 1024
_STEP_BYTES = 4096
"""What looking at an entry costs at least, in bytes that could be unpacked meanwhile."""
_STORED, _DEFLATED = 0, 8


def check(media_type: str, content: Sample, limits: Limits) -> None:
    """Lets pass what is no archive, and archives within the limits.

    Args:
        media_type: What the content is by its signature, whatever was declared.
        content: Its two ends.
        limits: What is refused beyond.

    Raises:
        ContentBomb: It would unpack to too much.
        InvalidArchive: It is damaged.
    """
    if is_archive(media_type):
        _Examination(limits).unpacked_bytes(media_type, content, depth=1)


def is_archive(media_type: str) -> bool:
    """Whether `check` looks into it."""
    return media_type in _STREAMS or _is_zip(media_type)


class _Examination:
    """One archive and those within it; they share a budget of work."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._budget = _WORK_BYTES

    def unpacked_bytes(self, media_type: str, content: Sample, *, depth: int) -> int:
        """What it unpacks to, archives within it unpacked as well; raises when that is too much."""
        if depth > MAX_DEPTH:
            raise ContentBomb("depth", MAX_DEPTH)
        try:
            size = self._of_zip(content, depth) if _is_zip(media_type) else self._of_stream(media_type, content, depth)
        except (Damaged, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError):
            raise InvalidArchive(media_type) from None
        if size > self._limits.archive_bytes:
            raise ContentBomb("bytes", self._limits.archive_bytes)
        if size > RATIO_FLOOR_BYTES and size > self._limits.archive_ratio * content.size_bytes:
            raise ContentBomb("ratio", self._limits.archive_ratio)
        return size

    def _of_zip(self, content: Sample, depth: int) -> int:
        entries = zip_directory.entries(content, self._limits)
        size = sum(entry.size for entry in entries)
        if size > self._limits.archive_bytes:
            raise ContentBomb("bytes", self._limits.archive_bytes)
        for entry in entries:
            if self._budget <= 0:
                break
            packed = zip_directory.packed(content, entry)
            if packed and not entry.is_encrypted and entry.method in (_STORED, _DEFLATED):
                size += self._of_entry(entry, packed, depth)
        return size

    def _of_entry(self, entry: Entry, packed: bytes, depth: int) -> int:
        """What is in an entry beyond itself; raises if it is larger than it says."""
        beginning = self._unpack(entry, packed, 512)
        inner = signature(sample(beginning))
        if not is_archive(inner):
            if len(self._unpack(entry, packed, min(entry.size, self._budget) + 1)) > entry.size:
                raise Damaged
            return 0
        whole = self._unpack(entry, packed, min(entry.size + 1, _NESTED_BYTES))
        if len(whole) > entry.size:
            raise Damaged
        return self.unpacked_bytes(inner, sample(whole), depth=depth + 1) if len(whole) == entry.size else 0

    def _unpack(self, entry: Entry, packed: bytes, limit: int) -> bytes:
        found = packed[:limit] if entry.method == _STORED else zlib.decompressobj(-15).decompress(packed, limit)
        self._budget -= max(len(found), _STEP_BYTES)
        return found

    def _of_stream(self, media_type: str, content: Sample, depth: int) -> int:
        given = content.at(0, _STREAM_BYTES)
        found = _Stream(_STREAMS[media_type])
        try:
            found.run(given)
        except lzma.LZMAError as error:
            if "limit" in str(error):
                raise ContentBomb("memory", _MEMORY_BYTES) from None
            raise
        is_whole = found.used == content.size_bytes
        if is_whole and not found.is_complete and found.size < _STREAM_OUTPUT_BYTES:
            raise Damaged
        size = found.size * content.size_bytes // max(1, found.used)
        if not is_whole:
            size = max(size, stream_sizes.said(media_type, content))
        self._budget -= found.size
        inner = signature(sample(found.beginning)) if found.beginning else ""
        if is_whole and found.size == len(found.beginning) and is_archive(inner):
            size += self.unpacked_bytes(inner, sample(found.beginning), depth=depth + 1)
        return size


class _Stream:
    """Decompresses and counts, until there is enough to judge by; keeps the beginning."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self.size = 0
        """Bytes that came out."""
        self.used = 0
        """Bytes that went in for them."""
        self.beginning = b""
        self.is_complete = True
        """Whether the last member came to its end."""

    def run(self, given: bytes) -> None:
        """Goes from member to member, of which a file may have several."""
        while given and self.size < _STREAM_OUTPUT_BYTES:
            if self.used and not any(given):  # padding after the last member
                self.used += len(given)
                return
            rest = self._member(self._make(), given)
            self.used += len(given) - len(rest)
            given = rest

    def _member(self, decompressor: Any, given: bytes) -> bytes:
        """What a member leaves of the bytes given."""
        pending = given
        while not decompressor.eof and self.size < _STREAM_OUTPUT_BYTES:
            produced = decompressor.decompress(pending, _PIECE_BYTES)
            # zlib hands back what it has not taken; the other two keep it.
            pending = getattr(decompressor, "unconsumed_tail", b"")
            if len(self.beginning) < _NESTED_BYTES:
                self.beginning += produced
            self.size += len(produced)
            if not produced and not pending and not decompressor.eof:
                break
        self.is_complete = decompressor.eof
        return bytes(decompressor.unused_data) if decompressor.eof else pending


def _is_zip(media_type: str) -> bool:
    return media_type in ("application/zip", "application/epub+zip") or media_type.startswith(
        ("application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument.")
    )


_STREAMS: dict[str, Callable[[], Any]] = {
    "application/gzip": lambda: zlib.decompressobj(31),
    "application/x-bzip2": bz2.BZ2Decompressor,
    "application/x-xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY_BYTES),
}
