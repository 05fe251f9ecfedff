"""Boxes in pictures: pixels from the top left, right and bottom edges exclusive."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

Size = tuple[int, int]
"""(width, height) in pixels."""


class Box(NamedTuple):
    """An upright rectangle."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Pixels from left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Pixels from top to bottom."""
        return self.bottom - self.top

    @property
    def area(self) -> float:
        """Square pixels; 0 for an empty box."""
        return max(0.0, self.width) * max(0.0, self.height)


def padded(box: Box, fraction: float) -> Box:
    """The box, widened on each side by a fraction of its shorter side."""
    more = min(box.width, box.height) * fraction
    return Box(box.left - more, box.top - more, box.right + more, box.bottom + more)


def clipped(box: Box, size: Size) -> Box | None:
    """The whole pixels of a picture that a box touches; None: it lies outside."""
    left, top = max(0, math.floor(box.left)), max(0, math.floor(box.top))
    right, bottom = min(size[0], math.ceil(box.right)), min(size[1], math.ceil(box.bottom))
    return Box(left, top, right, bottom) if left < right and top < bottom else None


def intersection(one: Box, other: Box) -> float:
    """Square pixels that two boxes share."""
    return Box(
        max(one.left, other.left),
        max(one.top, other.top),
        min(one.right, other.right),
        min(one.bottom, other.bottom),
    ).area


def iou(one: Box, other: Box) -> float:
    """Intersection over union, in [0, 1]."""
    shared = intersection(one, other)
    union = one.area + other.area - shared
    return shared / union if union > 0 else 0.0


def around(boxes: Iterable[Box]) -> Box:
    """The smallest box that holds all of them (at least one)."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return Box(min(lefts), min(tops), max(rights), max(bottoms))


def shifted(box: Box, x: float, y: float) -> Box:
    """The box, moved."""
    return Box(box.left + x, box.top + y, box.right + x, box.bottom + y)


def scaled(box: Box, factor: float) -> Box:
    """The box in a picture of another scale."""
    return Box(*(edge * factor for edge in box))


def covered_share(box: Box, covers: Sequence[Box]) -> float:
    """The share of a box's area that lies under covers, in [0, 1]; where covers overlap, it counts more than once."""
    return min(1.0, sum(intersection(box, cover) for cover in covers) / box.area) if box.area else 1.0


def tiles(size: Size, side: int, overlap: int) -> list[Box]:
    """Boxes of at most side x side pixels that hold the whole picture; neighbours share `overlap` pixels."""
    return [Box(x, y, x + w, y + h) for y, h in _cuts(size[1], side, overlap) for x, w in _cuts(size[0], side, overlap)]


def _cuts(length: int, side: int, overlap: int) -> list[tuple[int, int]]:
    if length <= side:
        return [(0, length)]
    count = math.ceil((length - overlap) / (side - overlap))
    last = length - side
    return [(round(i * last / (count - 1)), side) for i in range(count)]
