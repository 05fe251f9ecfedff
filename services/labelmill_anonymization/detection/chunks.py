"""Long texts in pieces that a model takes at once, cut where sentences or lines end, with some of the text around."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_SIZE = 10_000
_LOOK_BACK = 2_000
_AROUND = 300
_BORDERS = ("\n\n", "\n", ". ", "? ", "! ", "; ", ", ", " ")
"""The best first."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a text.

    Attributes:
        content: The piece with what is around it.
        start: Where `content` begins in the text.
        begin: Where the piece itself begins in `content`.
        end: Where it ends in `content`.
    """

    content: str
    start: int
    begin: int
    end: int

    def owns(self, position: int) -> bool:
        """Whether what begins at this position of `content` belongs to the piece, not to what is around it."""
        return self.begin <= position < self.end


def chunks(text: str, *, size: int = _SIZE, around: int = _AROUND) -> Iterator[Chunk]:
    """The pieces of a text: every code point belongs to one of them.

    A model that looks at no more than `around` code points on either side finds the same as in the whole text.
    """
    begin = 0
    while True:
        end = _cut(text, begin, begin + size)
        start, stop = max(0, begin - around), min(len(text), end + around)
        yield Chunk(text[start:stop], start, begin - start, end - start)
        if end == len(text):
            return
        begin = end


def _cut(text: str, begin: int, limit: int) -> int:
    if limit >= len(text):
        return len(text)
    for border in _BORDERS:
        found = text.rfind(border, max(begin, limit - _LOOK_BACK), limit)
        if found >= 0:
            return found + len(border)
    return limit
