"""The pixel size of an image, from its first bytes. Pure."""

from __future__ import annotations

import struct

_JPEG_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD8)})


def size(media_type: str, head: bytes) -> tuple[int, int] | None:
    """(width, height) in pixels; None for what is no image of a known kind, or a damaged one."""
    reader = {"image/png": _png, "image/gif": _gif, "image/jpeg": _jpeg}.get(media_type)
    try:
        found = reader(head) if reader is not None else None
    except (struct.error, IndexError):
        return None
    return found if found is not None and min(found) >= 1 and max(found) < 2**31 else None


def _png(head: bytes) -> tuple[int, int] | None:
    if head[12:16] != b"IHDR":
        return None
    width, height = struct.unpack_from(">II", head, 16)
    return width, height


def _gif(head: bytes) -> tuple[int, int] | None:
    if head[:3] != b"GIF":
        return None
    width, height = struct.unpack_from("<HH", head, 6)
    return width, height


def _jpeg(head: bytes) -> tuple[int, int] | None:
    """Walks from marker to marker up to the frame header, which has the size."""
    position = 2
    while head[position] == 0xFF:
        marker = head[position + 1]
        if marker == 0xFF:
            position += 1  # fill byte
        elif marker in _JPEG_BARE:
            position += 2
        elif marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", head, position + 5)
            return width, height
        else:
            position += 2 + max(2, struct.unpack_from(">H", head, position + 2)[0])
    return None
