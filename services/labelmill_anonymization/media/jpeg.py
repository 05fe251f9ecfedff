"""JPEG files without anything but what their pixels need (ITU-T T.81, annex B). The pixels stay bit for bit."""

from __future__ import annotations

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_KEPT = {
    0xDB,  # quantization tables
    0xC4,  # Huffman tables
    0xCC,  # arithmetic coding
    0xDD,  # restart interval
    *(0xC0 + i for i in (0, 1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15)),  # frame headers
}
_ADOBE = 0xEE
_ADOBE_SEGMENT = b"Adobe"
_ADOBE_BYTES = 12
_JFIF = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
"""Version 1.1, no density, no thumbnail."""


def without_metadata(data: bytes) -> bytes:
    """The file with what its pixels need: no APPn but Adobe's colour transform, no comment, no second picture.

    Raises:
        ValueError: It is not a JPEG file.
    """
    if data[:2] != b"\xff\xd8":
        raise ValueError("no start of image")
    out = bytearray(b"\xff\xd8")
    adobe = b""
    at = 2
    while True:
        marker, at = _marker(data, at)
        if marker == _EOI:
            break
        length = int.from_bytes(data[at : at + 2])
        if length < 2 or at + length > len(data):
            raise ValueError("a segment is cut off")
        segment, at = data[at : at + length], at + length
        if marker == _ADOBE and segment[2:7] == _ADOBE_SEGMENT:
            adobe = b"\xff\xee" + (_ADOBE_BYTES + 2).to_bytes(2) + segment[2 : 2 + _ADOBE_BYTES]
        elif marker == _SOS:
            end = _scan_end(data, at)
            out += b"\xff\xda" + segment + data[at:end]
            at = end
        elif marker in _KEPT:
            out += bytes([0xFF, marker]) + segment
    return b"\xff\xd8" + (adobe or _JFIF) + bytes(out[2:]) + b"\xff\xd9"


def _marker(data: bytes, at: int) -> tuple[int, int]:
    if at + 2 > len(data) or data[at] != 0xFF:
        raise ValueError("no marker")
    while at < len(data) and data[at] == 0xFF:  # fill bytes
        at += 1
    if at >= len(data):
        raise ValueError("no marker")
    return data[at], at + 1


def _scan_end(data: bytes, at: int) -> int:
    """Where the next marker is that is neither a stuffed zero nor a restart."""
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        following = data[at + 1]
        if following != 0 and not 0xD0 <= following <= 0xD7:
            return at
        at += 2
    raise ValueError("no end of image")
