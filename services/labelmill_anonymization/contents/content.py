"""What goes in and what comes out, whatever the media type."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from labelmill_anonymization.offset_map import OffsetMap
from labelmill_anonymization.operators import Protection

Counts = tuple[tuple[str, int], ...]
"""(name, how often), ordered by name."""


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word of a recording, and when it is said."""

    text: str = field(repr=False)
    start_ms: float
    end_ms: float


@dataclass(frozen=True, slots=True)
class RawContent:
    """A content as it came."""

    data: bytes = field(repr=False)
    media_type: str
    transcript: tuple[SpokenWord, ...] | None = None
    """Of a recording; None: not known, which is not the same as silence."""
    subject: str = field(default="", repr=False)
    """Whom it is about, as the caller's own id; "": not said."""


@dataclass(frozen=True, slots=True)
class Region:
    """A place that was covered. Pixels from the top left of the raw picture or page; or milliseconds of a recording."""

    entity_type: str
    score: float
    detector: str
    page: int = 0
    """Page or frame, counted from 0."""
    box: tuple[float, float, float, float] | None = None
    """(left, top, width, height) in pixels."""
    segment: tuple[float, float] | None = None
    """(start, end) in milliseconds."""
    size: tuple[int, int] | None = None
    """(width, height) of the picture or page in pixels."""


@dataclass(frozen=True, slots=True)
class CleanContent:
    """The outcome for one content; everything in it but `data` goes into the receipt or beside it, so no values."""

    data: bytes = field(repr=False)
    media_type: str
    entity_counts: Counts
    operator_counts: Counts
    protection: Protection
    detector_versions: tuple[str, ...]
    key_ids: tuple[str, ...] = ()
    """Keys by which values can be linked or read again, ordered."""
    offsets: OffsetMap | None = None
    """Of a text; other contents keep their coordinates."""
    regions: tuple[Region, ...] = ()


def counted(names: Iterable[str]) -> Counts:
    """How often each name occurs, ordered by name."""
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return tuple(sorted(counts.items()))
