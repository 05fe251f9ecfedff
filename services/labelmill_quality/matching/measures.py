"""What "alike" means, for each kind of shape. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class BoxMeasure(StrEnum):
    """How alike two boxes are."""

    IOU = "iou"
    """Intersection over union."""
    GIOU = "giou"
    """(1 + GIoU) / 2: also tells how far apart boxes are that do not meet (Rezatofighi and others, CVPR 2019). Of other
    shapes than upright boxes, the gap is that of the upright boxes around them, so that each is wholly like itself."""


class StretchMeasure(StrEnum):
    """How alike two stretches of text or time are."""

    IOU = "iou"
    """Shared length by length of the union."""
    EXACT = "exact"
    """1 for the same two ends, else 0."""
    BOUNDARY = "boundary"
    """Half for each end that is no further off than the tolerance."""


@dataclass(frozen=True)
class Measures:
    """The measures, with the constants that they need."""

    box: BoxMeasure = BoxMeasure.IOU
    stretch: StretchMeasure = StretchMeasure.IOU
    boundary_tolerance: float = 0
    """Code points or milliseconds."""
    oks_sigma: float = 0.09
    """How far keypoints may scatter, as a share of the root of the shape's area (CVAT's default)."""
    keypoint_sigmas: Mapping[str, float] | None = None
    """The same by name of the keypoint, where they differ."""
    line_thickness: float = 0.01
    """How far lines may scatter, as a share of the root of the image's area (CVAT's default)."""


DEFAULT = Measures()
