"""The directories of a TIFF file, classic and BigTIFF, as far as they were kept. Pure.

TIFF 6.0 (Adobe, 1992) section 2; BigTIFF: https://www.awaresystems.be/imaging/tiff/bigtiff.html
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from labelmill_storage.contents.samples import Sample

_WIDTH, _HEIGHT = 256, 257
_WANTED = frozenset({_WIDTH, _HEIGHT, 33550, 33922, 34264, 34665, 34735, 34853})
"""Tags whose values are read: sizes, GeoTIFF, where EXIF data and places are."""
_PAGES = 1000
_ENTRIES = 20_000
"""In all directories of a file together, which may overlap."""
_ENTRIES_BESIDE = 256
_VALUE_BYTES = 64 * 1024
_VALUES_BYTES = 512 * 1024
_FORMS = "B s H I 2I b B h i 2i f d I Q q Q"
_TYPES = dict(zip((*range(1, 14), 16, 17, 18), _FORMS.split(), strict=True))
"""Field types as struct knows them; a fraction is two numbers."""

Values = tuple[int | float | bytes, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """One directory: its tags, with the values of those that are wanted, as far as they were kept."""

    tags: Mapping[int, Values]

    @property
    def size(self) -> tuple[int, int] | None:
        """(width, height) in pixels."""
        width, height = self.integers(_WIDTH), self.integers(_HEIGHT)
        return (width[0], height[0]) if width and height else None

    def integers(self, tag: int) -> tuple[int, ...]:
        """A tag's whole numbers; empty where there are none."""
        return tuple(value for value in self.tags.get(tag, ()) if isinstance(value, int))

    def numbers(self, tag: int) -> tuple[float, ...]:
        """A tag's numbers; empty where there are none."""
        return tuple(value for value in self.tags.get(tag, ()) if not isinstance(value, bytes))


def pages(sample: Sample) -> Iterator[Page]:
    """The directories in their order; it ends where one is damaged or was not kept."""
    layout = _layout(sample.head)
    if layout is None:
        return
    at, seen, budget = layout.first(sample), set[int](), _Budget()
    while at and at not in seen and len(seen) < _PAGES:
        seen.add(at)
        counted = sample.at(at, layout.count_bytes)
        if len(counted) < layout.count_bytes:
            return
        count = int(layout.unpack(layout.count_form, counted)[0])
        if not 0 < count <= budget.entries:
            return
        body = sample.at(at + layout.count_bytes, count * layout.entry_bytes + layout.offset_bytes)
        if len(body) < count * layout.entry_bytes:
            return
        yield Page(dict(_entries(sample, layout, body, count, budget)))
        following = body[count * layout.entry_bytes :]
        at = int(layout.unpack(layout.offset_form, following)[0]) if len(following) == layout.offset_bytes else 0


def directory(sample: Sample, at: int) -> Page | None:
    """The directory at an offset, such as that of the EXIF data."""
    layout = _layout(sample.head)
    if layout is None:
        return None
    counted = sample.at(at, layout.count_bytes)
    if len(counted) < layout.count_bytes:
        return None
    count = min(int(layout.unpack(layout.count_form, counted)[0]), _ENTRIES_BESIDE)
    body = sample.at(at + layout.count_bytes, count * layout.entry_bytes)
    return Page(dict(_entries(sample, layout, body, len(body) // layout.entry_bytes, _Budget())))


@dataclass
class _Budget:
    """What may still be read; entries and values may be named over and over in a hostile file."""

    entries: int = _ENTRIES
    values_bytes: int = _VALUES_BYTES


@dataclass(frozen=True, slots=True)
class _Layout:
    order: str
    big: bool

    @property
    def count_form(self) -> str:
        return "Q" if self.big else "H"

    @property
    def count_bytes(self) -> int:
        return 8 if self.big else 2

    @property
    def offset_form(self) -> str:
        return "Q" if self.big else "I"

    @property
    def offset_bytes(self) -> int:
        return 8 if self.big else 4

    @property
    def entry_bytes(self) -> int:
        return 20 if self.big else 12

    def first(self, sample: Sample) -> int:
        return int(self.unpack(self.offset_form, sample.at(8 if self.big else 4, self.offset_bytes))[0])

    def unpack(self, form: str, data: bytes, at: int = 0) -> tuple[int | float | bytes, ...]:
        return struct.unpack_from(self.order + form, data, at)


def _layout(head: bytes) -> _Layout | None:
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8:
        return None
    magic = struct.unpack_from(order + "H", head, 2)[0]
    return _Layout(order, magic == 43) if magic in (42, 43) else None


def _entries(sample: Sample, layout: _Layout, body: bytes, count: int, budget: _Budget) -> Iterator[tuple[int, Values]]:
    budget.entries -= count
    for index in range(count):
        at = index * layout.entry_bytes
        tag, kind, number = (int(v) for v in layout.unpack("HHQ" if layout.big else "HHI", body, at))
        form = _TYPES.get(kind, "B")
        size = number * struct.calcsize("=" + form)
        if tag not in _WANTED or not 0 < size <= min(_VALUE_BYTES, budget.values_bytes):
            yield tag, ()
            continue
        budget.values_bytes -= size
        inline = at + 4 + layout.offset_bytes
        data = body[inline : inline + size]
        if size > layout.offset_bytes:
            data = sample.at(int(layout.unpack(layout.offset_form, body, inline)[0]), size)
        yield tag, _values(layout, form, number, data) if len(data) == size else ()


def _values(layout: _Layout, form: str, number: int, data: bytes) -> Values:
    if form == "s":
        return (data,)
    return layout.unpack(f"{number * 2}{form[1]}" if form.startswith("2") else f"{number}{form}", data)
