"""What is looked for on a page, first as a whole and later around what was covered. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from labelmill_anonymization.media.boxes import Box, clipped, padded, shifted
from labelmill_anonymization.media.ports import Picture, PictureDetector, TextReader
from labelmill_anonymization.media.rules import MediaRules
from labelmill_anonymization.media.sightings import FACE, Sighting, strongest
from labelmill_anonymization.media.words import Word

_AROUND = 1.0
"""A face that is left over would overlap its cover, so it lies within this many sizes of it."""


class Tools(Protocol):
    """The detectors of a worker process."""

    @property
    def faces(self) -> PictureDetector:
        """Finds faces."""

    @property
    def codes(self) -> PictureDetector:
        """Finds QR codes and barcodes."""

    @property
    def reader(self) -> TextReader:
        """Reads text."""


def seen(picture: Picture, page: int, rules: MediaRules, tools: Tools) -> list[Sighting]:
    """Faces and codes on a page."""
    found = [s for detector, threshold in _wanted(rules, tools) for s in detector.find(picture, threshold)]
    return [replace(sighting, page=page) for sighting in strongest(found)]


def read(picture: Picture, page: int, rules: MediaRules, tools: Tools) -> list[Word]:
    """The words on a page."""
    return [replace(word, page=page) for word in tools.reader.read(picture)] if rules.reads_text else []


def seen_again(
    picture: Picture, page: int, covered: Sequence[Sighting], rules: MediaRules, tools: Tools
) -> list[Sighting]:
    """Faces around what was covered, and codes anywhere.

    Elsewhere the page is as it was, and detectors that find nothing in the same pixels need not be asked twice.
    """
    found: list[Sighting] = []
    size = (picture.shape[1], picture.shape[0])
    for sighting in covered:
        box = clipped(padded(sighting.box, _AROUND), size) if sighting.entity_type == FACE else None
        if box is not None:
            part = picture[int(box.top) : int(box.bottom), int(box.left) : int(box.right)]
            found += [_moved(s, box) for s in tools.faces.find(part, rules.threshold)]
    if any(sighting.entity_type != FACE for sighting in covered):
        others = replace(rules, keep_faces=True)
        found += [s for detector, threshold in _wanted(others, tools) for s in detector.find(picture, threshold)]
    return [replace(sighting, page=page) for sighting in strongest(found)]


def versions(rules: MediaRules, tools: Tools) -> tuple[str, ...]:
    """Who looks under these rules."""
    names = [detector.version for detector, _ in _wanted(rules, tools)]
    return tuple([*names, tools.reader.version] if rules.reads_text else names)


def _wanted(rules: MediaRules, tools: Tools) -> Iterator[tuple[PictureDetector, float]]:
    if not rules.keep_faces:
        yield tools.faces, rules.threshold
    if not rules.keep_codes:
        yield tools.codes, 0.0


def _moved(sighting: Sighting, origin: Box) -> Sighting:
    return replace(sighting, box=shifted(sighting.box, origin.left, origin.top))
