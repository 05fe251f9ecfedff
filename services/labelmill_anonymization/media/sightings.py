"""What detectors see in a picture, and which of it is the same thing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from labelmill_anonymization.contents.content import Region
from labelmill_anonymization.media.boxes import Box, Size, around, clipped, intersection, padded

FACE = "FACE"
LICENSE_PLATE = "LICENSE_PLATE"
CODE = "CODE"
"""A QR code or barcode: it can carry anything."""
TEXT = "TEXT"
"""Text that is covered whatever it says, or because it cannot be read."""
METADATA = "METADATA"
GONE = 0.5
"""Share of a place under fills from which on it is an illusion: a black box looks like a letter to a reader."""

SAME = 0.45
"""Share of the smaller of two boxes that both hold, from which on they are of the same thing."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """Something that was seen, and where."""

    entity_type: str
    box: Box
    score: float
    detector: str
    page: int = 0
    """Page or frame, counted from 0."""
    found_again: bool = False
    """It was still found after it, or what is around it, had been covered."""

    @property
    def must_be_filled(self) -> bool:
        """Text and codes, which no blur makes unreadable for sure, and what a first cover did not hide."""
        return self.found_again or self.entity_type != FACE


def strongest(sightings: Iterable[Sighting]) -> list[Sighting]:
    """One of each group of sightings of one type that are the same thing, the most certain one, grown over the others.

    Two are the same when they share most of the smaller one (non-maximum suppression that loses no pixel).
    """
    by_kind: dict[tuple[int, str], list[Sighting]] = {}
    for sighting in sorted(sightings, key=lambda s: (-s.score, s.box)):
        kept = by_kind.setdefault((sighting.page, sighting.entity_type), [])
        for index, other in enumerate(kept):
            if _same(other, sighting):
                again = other.found_again or sighting.found_again
                kept[index] = replace(other, box=around((other.box, sighting.box)), found_again=again)
                break
        else:
            kept.append(sighting)
    return sorted(chain.from_iterable(by_kind.values()), key=lambda s: (s.page, s.box.top, s.box.left))


def widened(sightings: Iterable[Sighting], padding: float) -> list[Sighting]:
    """What is covered: sightings with their padding."""
    return [replace(sighting, box=padded(sighting.box, padding)) for sighting in sightings]


def regions(sightings: Iterable[Sighting], sizes: Sequence[Size]) -> tuple[Region, ...]:
    """Covered sightings as regions; sizes by page."""
    found: list[Region] = []
    for sighting in sightings:
        size = sizes[sighting.page]
        box = clipped(sighting.box, size)
        if box is not None:
            edges = (box.left, box.top, box.width, box.height)
            score, detector = min(1.0, sighting.score), sighting.detector
            found.append(Region(sighting.entity_type, score, detector, page=sighting.page, box=edges, size=size))
    return tuple(found)


def _same(one: Sighting, other: Sighting) -> bool:
    return intersection(one.box, other.box) > SAME * min(one.box.area, other.box.area)
