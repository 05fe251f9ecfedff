"""What runs in a worker process for pictures and documents: looking, and covering. One page is in memory at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from labelmill_anonymization.adapters.media.detectors import Detectors
from labelmill_anonymization.adapters.media.formats import pages
from labelmill_anonymization.media import looking
from labelmill_anonymization.media.covers import cover
from labelmill_anonymization.media.ports import Covered, Look, MediaJob, Pages
from labelmill_anonymization.media.rules import Cover
from labelmill_anonymization.media.sightings import Sighting, strongest, widened
from labelmill_anonymization.media.words import Word

_tools: looking.Tools = Detectors()


def tools() -> looking.Tools:
    """This process's detectors."""
    return _tools


def look(job: MediaJob, first: int, count: int) -> Look:
    """See `PictureWorkers.look`."""
    return _look(pages(job), job, first, count)


def look_and_cover(job: MediaJob) -> tuple[Look, Covered]:
    """See `PictureWorkers.look_and_cover`."""
    content = pages(job)
    seen = _look(content, job, 0, len(content.sizes))
    return seen, _cover(content, job, widened(strongest(seen.sightings), job.rules.padding))


def cover_pages(job: MediaJob, sightings: Sequence[Sighting]) -> Covered:
    """See `PictureWorkers.cover`."""
    return _cover(pages(job), job, sightings)


def _look(content: Pages, job: MediaJob, first: int, count: int) -> Look:
    sightings: list[Sighting] = []
    words: list[Word] = []
    for index in range(first, min(first + count, len(content.sizes))):
        picture = content.page(index)
        sightings += looking.seen(picture, index, job.rules, _tools, is_photograph=job.is_photograph)
        words += looking.read(picture, index, job.rules, _tools)
    versions = looking.versions(job.rules, _tools, is_photograph=job.is_photograph)
    return Look(tuple(content.sizes), tuple(sightings), tuple(words), tuple(content.known_values), versions)


def _cover(content: Pages, job: MediaJob, sightings: Sequence[Sighting]) -> Covered:
    covers = PageCovers(sightings, job.rules.cover)
    data = content.write(covers)
    again = _look_again(replace(job, data=data, media_type=content.media_type), covers)
    return Covered(data, content.media_type, content.metadata_items, again)


class PageCovers:
    """What is covered on which page; see `Covers`."""

    def __init__(self, sightings: Sequence[Sighting], how: Cover) -> None:
        self._how = how
        self.by_page: dict[int, list[Sighting]] = {}
        for sighting in strongest(sightings):
            self.by_page.setdefault(sighting.page, []).append(sighting)

    def on(self, index: int) -> bool:
        """See `Covers`."""
        return index in self.by_page

    def apply(self, index: int, pixels: NDArray[Any]) -> None:
        """See `Covers`."""
        cover(pixels, self.by_page.get(index, ()), self._how)


def _look_again(job: MediaJob, covers: PageCovers) -> Look:
    content = pages(job)
    sightings: list[Sighting] = []
    words: list[Word] = []
    for index, covered in sorted(covers.by_page.items()):
        picture = content.page(index)
        sightings += looking.seen_again(picture, index, covered, job.rules, _tools, is_photograph=job.is_photograph)
        if any(sighting.must_be_filled for sighting in covered):
            words += looking.read(picture, index, job.rules, _tools)
    return Look(tuple(content.sizes), tuple(sightings), tuple(words), (), ())
