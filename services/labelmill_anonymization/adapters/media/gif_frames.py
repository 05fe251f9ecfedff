"""GIFs, frame by frame: Pillow's own writer joins equal frames, and then a label's frame number would be wrong."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Sequence

from PIL import Image

_HEADER = 13
_DESCRIPTOR = 10
_TABLE, _TABLE_SIZE = 0x80, 0x07
_WHOLE_FRAME = 0x08  # disposal 2: restore to background, since each frame is whole
_TRANSPARENT = 0x01


def gif(frames: Iterable[Image.Image], durations_ms: Sequence[int], loop: int) -> bytes:
    """Whole frames, each with its own colours (GIF89a)."""
    out = bytearray()
    for frame, duration in zip(frames, durations_ms, strict=True):
        if not out:
            out += b"GIF89a" + struct.pack("<HHBBB", *frame.size, 0, 0, 0)
            out += (
                b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", loop) + b"\0" if len(durations_ms) > 1 else b""
            )
        out += _frame(frame, duration)
    return bytes(out) + b"\x3b"


def _frame(frame: Image.Image, duration_ms: int) -> bytes:
    """A graphic control extension, an image descriptor with a local colour table, and the pixels."""
    alpha = frame.mode in ("RGBA", "LA")
    few = frame.convert("RGBA").quantize(255) if alpha else frame.convert("RGB").quantize(256)
    single = io.BytesIO()
    few.save(single, "GIF", optimize=False, interlace=0)
    data = single.getvalue()
    size_bits = data[10] & _TABLE_SIZE
    table = data[_HEADER : _HEADER + 3 * (2 << size_bits)]
    at = _HEADER + len(table)
    transparent = 0
    flags = _WHOLE_FRAME
    while data[at] == 0x21:  # extensions: only the transparent colour is of interest
        if data[at + 1] == 0xF9 and data[at + 3] & _TRANSPARENT:
            flags, transparent = flags | _TRANSPARENT, data[at + 6]
        at = _after_blocks(data, at + 2)
    descriptor = data[at : at + _DESCRIPTOR - 1] + bytes([_TABLE | size_bits])
    end = _after_blocks(data, at + _DESCRIPTOR + 1)
    control = b"\x21\xf9\x04" + struct.pack("<BHBB", flags, min(65535, duration_ms // 10), transparent, 0)
    return control + descriptor + table + data[at + _DESCRIPTOR : end]


def _after_blocks(data: bytes, at: int) -> int:
    while data[at]:
        at += data[at] + 1
    return at + 1
