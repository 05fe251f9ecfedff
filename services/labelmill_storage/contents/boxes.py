"""The boxes of HEIC and AVIF images (ISO/IEC 14496-12 and 23008-12), as far as they were kept. Pure."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from labelmill_storage.contents.samples import Sample

_BOXES = 4096
_ITEMS = 65536
_EXTENTS = 8


@dataclass(frozen=True, slots=True)
class _Items:
    """What an image file's meta box holds."""

    parts: dict[bytes, bytes]

    def primary(self) -> int | None:
        box = self.parts.get(b"pitm")
        return None if box is None else struct.unpack_from(">H" if box[0] == 0 else ">I", box, 4)[0]


def image_sizes(sample: Sample) -> list[tuple[int, int]]:
    """(width, height) of the primary image first, then those of all others: tiles, thumbnails."""
    items = _items(sample)
    properties = dict(_boxes(items.parts.get(b"iprp", b"")))
    numbered = list(enumerate(_boxes(properties.get(b"ipco", b"")), 1))
    spatial = {number: struct.unpack_from(">II", body, 4) for number, (kind, body) in numbered if kind == b"ispe"}
    turned = {number for number, (kind, body) in numbered if kind == b"irot" and body[0] & 1}
    associated = dict(_associations(properties.get(b"ipma", b"")))
    own = associated.get(items.primary() or 0, ())
    main = [spatial[number] for number in own if number in spatial] or sorted(spatial.values(), reverse=True)[:1]
    if turned.intersection(own):
        main = [(height, width) for width, height in main]
    return [(int(width), int(height)) for width, height in [*main[:1], *spatial.values()]]


def exif_item(sample: Sample) -> tuple[bool, bytes]:
    """Whether there is EXIF data, and its TIFF structure as far as it was kept."""
    items = _items(sample)
    numbers = [number for number, kind in _item_types(items.parts.get(b"iinf", b"")) if kind == b"Exif"]
    if not numbers:
        return False, b""
    for number, offset, length in _locations(items.parts.get(b"iloc", b"")):
        if number == numbers[0]:
            data = sample.at(offset, length)
            # The data begins with how many bytes to skip to the TIFF header.
            return True, data[4 + struct.unpack_from(">I", data)[0] :] if len(data) > 4 else b""
    return True, b""


def _items(sample: Sample) -> _Items:
    for kind, body in _boxes(sample.head):
        if kind == b"meta":
            return _Items(dict(_boxes(body[4:])))
    return _Items({})


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    for _ in range(_BOXES):
        if at + 8 > len(data):
            return
        size, kind, start = *struct.unpack_from(">I4s", data, at), 8
        if size == 1 and at + 16 <= len(data):
            size, start = struct.unpack_from(">Q", data, at + 8)[0], 16
        end = at + size if size else len(data)
        if end < at + start:
            return
        yield kind, data[at + start : end]
        at = end


def _item_types(box: bytes) -> Iterator[tuple[int, bytes]]:
    if len(box) < 6:
        return
    entries = box[6:] if box[0] == 0 else box[8:]
    for kind, body in _boxes(entries):
        if kind == b"infe" and len(body) >= 12:
            wide = body[0] >= 3
            number = struct.unpack_from(">I" if wide else ">H", body, 4)[0]
            yield number, body[10:14] if wide else body[8:12]


def _associations(box: bytes) -> Iterator[tuple[int, list[int]]]:
    """Which properties (numbered from 1) belong to which item."""
    if len(box) < 8:
        return
    wide_items, wide_numbers = box[0] >= 1, box[3] & 1
    at = 8
    for _ in range(min(struct.unpack_from(">I", box, 4)[0], _ITEMS)):
        item = struct.unpack_from(">I" if wide_items else ">H", box, at)[0]
        at += 4 if wide_items else 2
        count = box[at]
        at += 1
        form = f">{count}{'H' if wide_numbers else 'B'}"
        numbers = struct.unpack_from(form, box, at)
        at += struct.calcsize(form)
        yield item, [number & (0x7FFF if wide_numbers else 0x7F) for number in numbers]


def _locations(box: bytes) -> Iterator[tuple[int, int, int]]:
    """(item, offset, length) of the items that lie in one piece in the file itself."""
    if len(box) < 8:
        return
    version = box[0]
    offset_size, length_size, base_size, index_size = box[4] >> 4, box[4] & 15, box[5] >> 4, box[5] & 15
    reader = _Reader(box, 6)
    for _ in range(min(reader.take(4 if version == 2 else 2), _ITEMS)):
        item = reader.take(4 if version == 2 else 2)
        method = reader.take(2) & 15 if version else 0
        reader.take(2)
        base, extents, number = reader.take(base_size), [], reader.take(2)
        if number > _EXTENTS:
            return
        for _ in range(number):
            if version and index_size:
                reader.take(index_size)
            extents.append((reader.take(offset_size), reader.take(length_size)))
        if method == 0 and len(extents) == 1:
            yield item, base + extents[0][0], extents[0][1]


class _Reader:
    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    def take(self, size: int) -> int:
        """The next number; what is past the end is struct.error."""
        if self._at + size > len(self._data):
            raise struct.error("past the end")
        self._at += size
        return int.from_bytes(self._data[self._at - size : self._at], "big")
