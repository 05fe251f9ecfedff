"""The shapes of an annotation, mirroring labelmill/type/v1/geometry.proto. Pure.

Pixels are doubles with the origin at the top left, x to the right, y down. Shapes that hold arrays are
compared by identity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
"""(points, 2): x and y of each."""
RunLengths = npt.NDArray[np.uint32]
"""Lengths of runs of pixels, column after column, beginning with background."""


@dataclass(frozen=True, slots=True)
class ImageSize:
    """Pixels of an image; 0 x 0 where nobody said."""

    width: int
    height: int

    @property
    def pixels(self) -> int:
        """Its area."""
        return self.width * self.height


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, rotated clockwise about its centre."""

    left: float
    top: float
    width: float
    height: float
    rotation_degrees: float
    size: ImageSize

    @property
    def upright(self) -> bool:
        """Its sides run along the axes as they are written down."""
        return self.rotation_degrees % 180 == 0


@dataclass(frozen=True, slots=True, eq=False)
class Polygon:
    """A closed ring with holes; the last point of a ring joins the first without being repeated."""

    exterior: Points
    holes: Sequence[Points]
    size: ImageSize


@dataclass(frozen=True, slots=True, eq=False)
class Polyline:
    """An open line through its points."""

    points: Points
    size: ImageSize


class Visibility(IntEnum):
    """How far a keypoint can be seen; the numbers are those of the contract."""

    UNSPECIFIED = 0
    ABSENT = 1
    OCCLUDED = 2
    VISIBLE = 3


@dataclass(frozen=True, slots=True, eq=False)
class Keypoints:
    """Named points; names, points and visibility are equally long."""

    names: tuple[str, ...]
    points: Points
    visibility: npt.NDArray[np.uint8]
    size: ImageSize

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """Which of them are in the image; the position of the others means nothing."""
        present: npt.NDArray[np.bool_] = self.visibility != Visibility.ABSENT
        return present


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """Pixels as run lengths in column-major order, as COCO counts them; they sum to the pixels of the image."""

    counts: RunLengths
    size: ImageSize


@dataclass(frozen=True, slots=True)
class TextSpan:
    """A stretch of text in Unicode code points, end exclusive."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class TimeSegment:
    """A stretch of a recording in milliseconds, end exclusive; without a channel it is of all channels."""

    start_ms: float
    end_ms: float
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class Relation:
    """From one annotation of a labeler about an item to another, by their local ids."""

    from_local_id: str
    to_local_id: str


Shape = Box | Polygon | Polyline | Keypoints | Mask | TextSpan | TimeSegment | Relation
