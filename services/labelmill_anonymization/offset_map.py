"""Where things of the raw text are in the clean text, and back. Offsets are Unicode code points, ends exclusive.

Only transformed values are kept; the text between them is shifted, not changed. A span that touches a transformed value
in part is widened to the whole of it, because half a pseudonym corresponds to nothing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Segment:
    """A transformed value: where it was in the raw text, and where its replacement is in the clean text."""

    raw_start: int
    raw_end: int
    clean_start: int
    clean_end: int


@dataclass(frozen=True, slots=True)
class MappedSpan:
    """A span carried over; start == end when nothing is left of it."""

    start: int
    end: int
    widened: bool

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left of it."""
        return self.end <= self.start


@dataclass(frozen=True)
class OffsetMap:
    """The map of one text; segments are ordered and do not overlap."""

    raw_length: int
    clean_length: int
    segments: tuple[Segment, ...] = ()

    def to_clean(self, start: int, end: int) -> MappedSpan:
        """Carries a span of the raw text to the clean text."""
        return self._forward.map(start, end)

    def to_raw(self, start: int, end: int) -> MappedSpan:
        """Carries a span of the clean text to the raw text."""
        return self._backward.map(start, end)

    def encode(self) -> bytes:
        """A few bytes: varints of both lengths, then gap, raw length and clean length of each segment."""
        numbers = [self.raw_length, self.clean_length]
        position = 0
        for segment in self.segments:
            numbers += (
                segment.raw_start - position,
                segment.raw_end - segment.raw_start,
                segment.clean_end - segment.clean_start,
            )
            position = segment.raw_end
        return b"".join(map(_varint, numbers))

    @classmethod
    def decode(cls, data: bytes) -> OffsetMap:
        """The reverse of `encode`."""
        numbers = list(_varints(data))
        segments: list[Segment] = []
        raw = clean = 0
        for gap, raw_length, clean_length in zip(*(iter(numbers[2:]),) * 3, strict=True):
            raw, clean = raw + gap, clean + gap
            segments.append(Segment(raw, raw + raw_length, clean, clean + clean_length))
            raw, clean = raw + raw_length, clean + clean_length
        return cls(numbers[0], numbers[1], tuple(segments))

    @cached_property
    def _forward(self) -> _Direction:
        return _Direction([(s.raw_start, s.raw_end, s.clean_start, s.clean_end) for s in self.segments])

    @cached_property
    def _backward(self) -> _Direction:
        return _Direction([(s.clean_start, s.clean_end, s.raw_start, s.raw_end) for s in self.segments])


class _Direction:
    """Maps from text A to text B; a segment is (start in A, end in A, start in B, end in B)."""

    def __init__(self, segments: Sequence[tuple[int, int, int, int]]) -> None:
        self._segments = segments
        self._starts = [segment[0] for segment in segments]

    def map(self, start: int, end: int) -> MappedSpan:
        new_start, cut_start = self._start(start)
        new_end, cut_end = self._end(end)
        return MappedSpan(new_start, new_end, cut_start or cut_end)

    def _start(self, position: int) -> tuple[int, bool]:
        index = bisect_right(self._starts, position) - 1
        if index < 0:
            return position, False
        start, end, other_start, other_end = self._segments[index]
        if position < end:
            return other_start, position > start
        return other_end + (position - end), False

    def _end(self, position: int) -> tuple[int, bool]:
        # Strictly before: a segment that begins (or, removed, lies) where the span ends is no part of it.
        index = bisect_left(self._starts, position) - 1
        if index < 0:
            return position, False
        _, end, _, other_end = self._segments[index]
        if position <= end:
            return other_end, position < end
        return other_end + (position - end), False


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _varints(data: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in data:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield number
            number = shift = 0
