"""Whether an image carries EXIF data, and a place in it. Pure.

Exif 2.32 (CIPA DC-008): a TIFF structure, which each image format embeds in its own way.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from labelmill_storage.contents import boxes, tiff
from labelmill_storage.contents.samples import Sample, sample

_EXIF, _GPS = 34665, 34853
_CAMERA = frozenset({271, 272, 306, 315, 36867})
"""Make, Model, DateTime, Artist, DateTimeOriginal: as telling in a TIFF file itself as in embedded EXIF data."""
_PLACES = frozenset({2, 4, 20, 22})
"""Latitude and longitude, of the camera and of what it looks at."""
_SEGMENTS = 4096
_CANDIDATES = 64


def exif(media_type: str, content: Sample) -> tuple[bool | None, bool | None]:
    """(has EXIF, has a place); None where it cannot be told."""
    reader = _READERS.get(media_type)
    if reader is None:
        return None, None
    try:
        return reader(content)
    except (struct.error, IndexError):
        return None, None


def _none(_: Sample) -> tuple[bool, bool]:
    return False, False


def _of_structure(data: bytes) -> tuple[bool, bool | None]:
    """Of EXIF data that is there; what of it is damaged may hold a place as well as not."""
    found = next(tiff.pages(sample(data)), None)
    return (True, None) if found is None else (True, _has_place(sample(data), found))


def _has_place(content: Sample, page: tiff.Page) -> bool:
    if _GPS not in page.tags:
        return False
    pointers = page.integers(_GPS)
    place = tiff.directory(content, pointers[0]) if pointers else None
    return place is None or bool(_PLACES & place.tags.keys())  # what cannot be read counts as a place


def _tiff(content: Sample) -> tuple[bool | None, bool | None]:
    pages = list(tiff.pages(content))
    if not pages:
        return None, None
    has_exif = any(page.tags.keys() & {_EXIF, _GPS, *_CAMERA} for page in pages)
    return has_exif, any(_has_place(content, page) for page in pages if _GPS in page.tags)


def _jpeg(content: Sample) -> tuple[bool | None, bool | None]:
    position = 2
    for _ in range(_SEGMENTS):
        found = content.at(position, 10)
        if len(found) < 4 or found[0] != 0xFF:
            return None, None
        if found[1] in (0xDA, 0xD9):  # the pixels begin, or the image ends
            return False, False
        if found[1] == 0xFF:
            position += 1
            continue
        if found[1] == 0x01 or 0xD0 <= found[1] <= 0xD8:
            position += 2
            continue
        length = struct.unpack_from(">H", found, 2)[0]
        if found[1] == 0xE1 and found[4:10] == b"Exif\0\0":
            return _of_structure(content.at(position + 10, max(0, length - 8)))
        position += 2 + max(2, length)
    return None, None


def _png(content: Sample) -> tuple[bool | None, bool | None]:
    for data in _png_chunks(content, b"eXIf"):
        return _of_structure(data)
    for kind in (b"tEXt", b"zTXt", b"iTXt"):
        for data in _png_chunks(content, kind):
            if data.startswith((b"Raw profile type exif\0", b"Raw profile type APP1\0")):
                return True, None
    return False, False


def _png_chunks(content: Sample, kind: bytes) -> Iterator[bytes]:
    """Chunks of a kind at either end; their checksum tells them from pixels that look alike."""
    for part in (content.head + content.tail,) if content.is_whole else (content.head, content.tail):
        at = part.find(kind)
        for _ in range(_CANDIDATES):
            if at < 4:
                break
            length = struct.unpack_from(">I", part, at - 4)[0]
            data = part[at + 4 : at + 4 + length]
            checksum = part[at + 4 + length : at + 8 + length]
            if len(checksum) == 4 and zlib.crc32(kind + data) == int.from_bytes(checksum, "big"):
                yield data
            at = part.find(kind, at + 4)


def _webp(content: Sample) -> tuple[bool | None, bool | None]:
    position = 12
    for _ in range(_SEGMENTS):
        found = content.at(position, 8)
        if len(found) < 8:
            break
        length = struct.unpack_from("<I", found, 4)[0]
        if found[:4] == b"EXIF":
            return _of_structure(content.at(position + 8, length).removeprefix(b"Exif\0\0"))
        position += 8 + length + (length & 1)
    return False, False


def _heif(content: Sample) -> tuple[bool | None, bool | None]:
    has_exif, data = boxes.exif_item(content)
    if not has_exif:
        return False, False
    return _of_structure(data)


_READERS = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/webp": _webp,
    "image/tiff": _tiff,
    "image/avif": _heif,
    "image/heic": _heif,
    "image/gif": _none,
    "image/bmp": _none,
}
