"""What compressed streams say at their end about their size. Pure.

RFC 1952, section 2.3.1 (gzip); The .xz File Format 1.2.1, sections 2.1.2 and 4.
"""

from __future__ import annotations

import struct

from labelmill_storage.contents.samples import Sample

_XZ_FOOTER_BYTES = 12
_RECORDS = 100_000


def said(media_type: str, content: Sample) -> int:
    """Bytes that the last stream claims to unpack to (gzip: modulo 2^32); 0 where nothing is said."""
    ending = content.head + content.tail if content.is_whole else content.tail
    if media_type == "application/gzip":
        return int(struct.unpack("<I", ending[-4:].rjust(4, b"\0"))[0])
    return _xz(ending.rstrip(b"\0")) if media_type == "application/x-xz" else 0


def _xz(tail: bytes) -> int:
    """The sum of the index, which ends where the footer begins; the footer says how long it is."""
    footer = tail[-_XZ_FOOTER_BYTES:]
    if len(footer) < _XZ_FOOTER_BYTES or not footer.endswith(b"YZ"):
        return 0
    length = (struct.unpack_from("<I", footer, 4)[0] + 1) * 4
    index = tail[-_XZ_FOOTER_BYTES - length : -_XZ_FOOTER_BYTES]
    if len(index) < length or index[0] != 0:
        return 0
    count, at = _number(index, 1)
    size = 0
    for _ in range(min(count, _RECORDS)):
        _, at = _number(index, at)
        block, at = _number(index, at)
        size += block
    return size


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where the next one begins; 0 past the end."""
    value = 0
    for shift in range(0, 63, 7):
        byte = data[at] if at < len(data) else 0
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            break
    return value, at
