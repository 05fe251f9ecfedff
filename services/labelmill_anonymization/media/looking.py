"""What is looked for on a page, first as a whole and later around what was covered. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from labelmill_anonymization.media.boxes import Box, clipped, scaled, shifted
from labelmill_anonymization.media.ports import Picture, PictureDetector, TextReader
from labelmill_anonymization.media.rules import MediaRules
from labelmill_anonymization.media.sightings import FACE, Sighting, strongest
from labelmill_anonymization.media.words import Word

_AROUND = 0.5
"""A face that is left over would overlap its cover, so it lies within this many sizes of it, on each side."""
_ENOUGH_PX = 48
"""What is left of a large face is looked for in a smaller copy, in which its cover is at least this long."""


class Tools(Protocol):
    """The detectors of a worker process."""

    @property
    def faces(self) -> PictureDetector:
        """Finds faces."""

    @property
    def plates(self) -> PictureDetector:
        """Finds licence plates by what they look like."""

    @property
    def codes(self) -> PictureDetector:
        """Finds QR codes and barcodes."""

    @property
    def reader(self) -> TextReader:
        """Reads text."""


def seen(picture: Picture, page: int, rules: MediaRules, tools: Tools, *, is_photograph: bool) -> list[Sighting]:
    """Faces, plates and codes on a page."""
    found = [
        s for detector, threshold in _wanted(rules, tools, is_photograph) for s in detector.find(picture, threshold)
    ]
    return [replace(sighting, page=page) for sighting in strongest(found)]


def read(picture: Picture, page: int, rules: MediaRules, tools: Tools) -> list[Word]:
    """The words on a page."""
    return [replace(word, page=page) for word in tools.reader.read(picture)] if rules.reads_text else []


def seen_again(
    picture: Picture, page: int, covered: Sequence[Sighting], rules: MediaRules, tools: Tools, *, is_photograph: bool
) -> list[Sighting]:
    """Faces around what was covered, and plates and codes anywhere.

    Elsewhere the page is as it was, and detectors that find nothing in the same pixels need not be asked twice.
    """
    found: list[Sighting] = []
    size = (picture.shape[1], picture.shape[0])
    for sighting in covered:
        box = clipped(_around(sighting.box), size) if sighting.entity_type == FACE else None
        if box is not None:
            part = picture[int(box.top) : int(box.bottom), int(box.left) : int(box.right)]
            factor = max(1, int(max(sighting.box.width, sighting.box.height) / _ENOUGH_PX))
            again = tools.faces.find(smaller(part, factor), rules.threshold)
            found += [replace(s, box=shifted(scaled(s.box, factor), box.left, box.top)) for s in again]
    if any(sighting.entity_type != FACE for sighting in covered):
        others = replace(rules, keep_faces=True)
        found += [
            s
            for detector, threshold in _wanted(others, tools, is_photograph)
            for s in detector.find(picture, threshold)
        ]
    return [replace(sighting, page=page) for sighting in strongest(found)]


def versions(rules: MediaRules, tools: Tools, *, is_photograph: bool) -> tuple[str, ...]:
    """Who looks under these rules."""
    names = [detector.version for detector, _ in _wanted(rules, tools, is_photograph)]
    return tuple([*names, tools.reader.version] if rules.reads_text else names)


def _wanted(rules: MediaRules, tools: Tools, is_photograph: bool) -> Iterator[tuple[PictureDetector, float]]:
    if not rules.keep_faces:
        yield tools.faces, rules.threshold
    if is_photograph and not rules.keep_license_plates:
        yield tools.plates, 0.0
    if not rules.keep_codes:
        yield tools.codes, 0.0


def smaller(picture: Picture, factor: int) -> Picture:
    """A picture of 1/factor the size, each pixel the mean of factor x factor; the rest at its edges is lost."""
    height, width = (length // factor for length in picture.shape[:2])
    if factor == 1 or not height or not width:
        return picture
    total = np.zeros((height, width, 3), np.uint32)
    for y in range(factor):
        for x in range(factor):
            total += picture[y : height * factor : factor, x : width * factor : factor]
    return (total // (factor * factor)).astype(np.uint8)


def _around(box: Box) -> Box:
    x, y = box.width * _AROUND, box.height * _AROUND
    return Box(box.left - x, box.top - y, box.right + x, box.bottom + y)
