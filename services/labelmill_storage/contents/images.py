"""The pixel sizes of images, from their headers alone: no pixel is ever decoded. Pure.

Bounded work, whatever the headers say: hostile files must be cheap to refuse.
"""

from __future__ import annotations

import struct

from labelmill_storage.contents import boxes, tiff
from labelmill_storage.contents.samples import Sample

Size = tuple[int, int]

_JPEG_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
_JPEG_SEGMENTS = 4096
_GIF_BLOCKS = 4096


def sizes(media_type: str, sample: Sample) -> list[Size]:
    """(width, height) in pixels, that of the image first and then those of further pages and frames that were seen.

    Empty for what is no image of a known kind, or a damaged one.
    """
    reader = _READERS.get(media_type)
    try:
        found = reader(sample) if reader is not None else []
    except (struct.error, IndexError):
        return []
    return found if all(min(size) >= 1 and max(size) < 2**31 for size in found) else []


def _png(sample: Sample) -> list[Size]:
    if sample.head[12:16] != b"IHDR":
        return []
    width, height = struct.unpack_from(">II", sample.head, 16)
    return [(width, height)]


def _gif(sample: Sample) -> list[Size]:
    """The screen, grown by the frames that reach beyond it, as decoders grow it."""
    head = sample.head
    width, height, flags = struct.unpack_from("<HHB", head.ljust(11, b"\0") if len(head) == 10 else head, 6)
    at = 13 + _gif_palette(flags)
    for _ in range(_GIF_BLOCKS):
        introducer = head[at : at + 1]
        if introducer == b"!":
            at = _gif_skip(head, at + 2)
        elif introducer == b"," and len(head) >= at + 10:
            left, top, frame_width, frame_height, flags = struct.unpack_from("<HHHHB", head, at + 1)
            width, height = max(width, left + frame_width), max(height, top + frame_height)
            at = _gif_skip(head, at + 11 + _gif_palette(flags))
        else:
            break
    return [(width, height)]


def _gif_palette(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _gif_skip(head: bytes, at: int) -> int:
    """Past a chain of sub-blocks."""
    while at < len(head) and head[at]:
        at += 1 + head[at]
    return at + 1


def _jpeg(sample: Sample) -> list[Size]:
    """Walks from marker to marker up to the frame header, which has the size."""
    position = 2
    for _ in range(_JPEG_SEGMENTS):
        found = sample.at(position, 9).ljust(2, b"\0")
        if found[0] != 0xFF:
            break
        marker = found[1]
        if marker == 0xFF:
            position += 1  # fill byte
        elif marker in _JPEG_BARE:
            position += 2
        elif marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", found, 5)
            return [(width, height)]
        else:
            position += 2 + max(2, struct.unpack_from(">H", found, 2)[0])
    return []


def _bmp(sample: Sample) -> list[Size]:
    header_bytes = struct.unpack_from("<I", sample.head, 14)[0]
    form = "<HH" if header_bytes == 12 else "<ii"
    width, height = struct.unpack_from(form, sample.head, 18)
    return [(width, abs(height))]  # negative: from top to bottom


def _webp(sample: Sample) -> list[Size]:
    head, kind = sample.head, sample.head[12:16]
    if kind == b"VP8X":
        return [(int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1)]
    if kind == b"VP8L" and head[20] == 0x2F:
        bits = struct.unpack_from("<I", head, 21)[0]
        return [((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)]
    if kind == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", head, 26)
        return [(width & 0x3FFF, height & 0x3FFF)]
    return []


def _tiff(sample: Sample) -> list[Size]:
    pages = [page.size for page in tiff.pages(sample)]
    return [size for size in pages if size is not None]


def _heif(sample: Sample) -> list[Size]:
    return boxes.image_sizes(sample)


_READERS = {
    "image/png": _png,
    "image/gif": _gif,
    "image/jpeg": _jpeg,
    "image/bmp": _bmp,
    "image/webp": _webp,
    "image/tiff": _tiff,
    "image/avif": _heif,
    "image/heic": _heif,
}
