"""Following things through a film, so that no single frame leaks what its neighbours show.

Sightings that overlap from one searched frame to the next are one track. Between two of its sightings a track moves in
a straight line; before its first and after its last one it stays for a while where it was and where it was going, since
whoever turns away or is blurred for a moment is still there. A detector that misses a face in some frames is thus
helped from both sides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise

from labelmill_anonymization.media.boxes import Box, around, iou, padded, shifted
from labelmill_anonymization.media.sightings import Sighting

_SAME = 0.1
"""Least IoU of a track's last place and a sighting that continues it."""
_GROWTH = 0.1
"""Growth of a track's box beyond its ends."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How far tracks reach, in frames."""

    gap: int
    """The longest pause between two sightings of one track."""
    margin: int
    """Frames covered before the first and after the last sighting."""

    @classmethod
    def of(cls, frames_per_second: float, step: int) -> Pace:
        """Pauses of a second, margins of half a second, and no less than searching each `step`-th frame leaves out."""
        return cls(max(round(frames_per_second), 2 * step), max(round(frames_per_second / 2), step))


@dataclass
class Track:
    """Sightings of one thing, in the order of frames."""

    sightings: list[Sighting] = field(default_factory=list)

    @property
    def last(self) -> Sighting:
        """The latest sighting."""
        return self.sightings[-1]


def tracks(sightings: Iterable[Sighting], pace: Pace) -> list[Track]:
    """Sightings joined to tracks; each continues the track of its type that it overlaps most."""
    all_of_them: list[Track] = []
    open_ones: list[Track] = []
    for sighting in sorted(sightings, key=lambda s: (s.page, -s.score)):
        open_ones = [track for track in open_ones if sighting.page - track.last.page <= pace.gap]
        near = [track for track in open_ones if _continues(track, sighting)]
        if near:
            max(near, key=lambda track: iou(track.last.box, sighting.box)).sightings.append(sighting)
        else:
            track = Track([sighting])
            all_of_them.append(track)
            open_ones.append(track)
    return all_of_them


def followed(sightings: Iterable[Sighting], frames: int, pace: Pace) -> list[Sighting]:
    """A sighting for each frame in which a track is, or may be."""
    covered: list[Sighting] = []
    for track in tracks(sightings, pace):
        first, last = track.sightings[0], track.last
        second, last_but_one = track.sightings[:2][-1], track.sightings[-2:][0]
        covered += [_beyond(first, second, page) for page in range(max(0, first.page - pace.margin), first.page)]
        for one, other in pairwise(track.sightings):
            covered += [_between(one, other, page) for page in range(one.page, other.page)]
        covered.append(last)
        after = range(last.page + 1, min(frames, last.page + pace.margin + 1))
        covered += [_beyond(last, last_but_one, page) for page in after]
    return covered


def _continues(track: Track, sighting: Sighting) -> bool:
    last = track.last
    is_later = last.page < sighting.page and last.entity_type == sighting.entity_type
    return is_later and iou(last.box, sighting.box) >= _SAME


def _beyond(end: Sighting, neighbour: Sighting, page: int) -> Sighting:
    """Beyond an end of a track: where it was, and where it would be, had it moved on as it came from its neighbour."""
    boxes = [end.box]
    if neighbour.page != end.page:
        boxes.append(_at(end, neighbour, page))
    return replace(end, page=page, box=padded(around(boxes), _GROWTH))


def _between(one: Sighting, other: Sighting, page: int) -> Sighting:
    if page == one.page:
        return one
    size = other if other.box.area > one.box.area else one
    rest = one if size is other else other
    return replace(one, page=page, box=padded(_at(size, rest, page), _GROWTH))


def _at(one: Sighting, other: Sighting, page: int) -> Box:
    """On the straight line through two sightings, as large as the first."""
    share = (page - one.page) / (other.page - one.page)
    x, y = (((other.box[i] + other.box[i + 2]) - (one.box[i] + one.box[i + 2])) / 2 * share for i in (0, 1))
    return shifted(one.box, x, y)
