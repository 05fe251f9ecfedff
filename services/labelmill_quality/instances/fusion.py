"""What fusing the shapes of a cluster yields. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from labelmill_quality.instances.measurements import Located
from labelmill_quality.shapes.values import Shape

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Weighting(StrEnum):
    """What each member of a cluster counts for its geometry."""

    RELIABILITY = "reliability"
    """By the labeler's spread, its bias taken off."""
    EQUAL = "equal"
    """The plain mean or vote, as SageMaker's consolidation of boxes."""


@dataclass(frozen=True, slots=True)
class LabelerGeometry:
    """How labelers deviate in one coordinate, at an object of the typical size."""

    coordinate: str
    """Such as "left_px", "start_code_points"."""
    bias: Floats
    """(labelers,)"""
    spread: Floats
    """(labelers,): standard deviation about the bias."""
    counts: Integers
    """(labelers,): measurements."""


@dataclass(frozen=True, slots=True)
class LabelerPixels:
    """How labelers paint masks."""

    sensitivity: Floats
    """(labelers,): share of an object's pixels that they paint."""
    specificity: Floats
    """(labelers,): share of the other pixels near it that they leave."""
    object_pixels: Floats
    other_pixels: Floats
    """(labelers,): pixels that the two rest on."""


@dataclass(frozen=True)
class Fused:
    """The shape of every cluster."""

    shapes: Sequence[Shape]
    spreads: Floats
    """(clusters, coordinates): standard deviation of each coordinate; NaN where nothing tells."""
    coordinates: tuple[str, ...]
    method: str
    labelers: Sequence[LabelerGeometry] = ()
    pixels: LabelerPixels | None = None
    repaired: int = 0
    """Shapes that fell apart or crossed themselves, and were mended."""


def geometry_of(located: Located, coordinates: Sequence[str]) -> list[LabelerGeometry]:
    """The labelers' figures of every coordinate."""
    return [
        LabelerGeometry(name, located.bias[:, column], located.labeler_spread[:, column], located.counts)
        for column, name in enumerate(coordinates)
    ]


def same_as_first(values: Floats, starts: Integers, fused: Floats) -> npt.NDArray[np.bool_]:
    """(clusters,): the fused coordinates are those of the first member, to the last bit."""
    same: npt.NDArray[np.bool_] = (values[starts[:-1]] == fused).all(axis=1)
    return same
