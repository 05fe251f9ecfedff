"""What is known about each labeler, as estimates with intervals. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from labelmill_quality.estimate import Estimate
from labelmill_quality.instances.consensus import FeatureConsensus
from labelmill_quality.instances.existence import NAME
from labelmill_quality.instances.fusion import LabelerGeometry
from labelmill_quality.intervals import LEVEL, wilson

_NO_OBJECTS = "the labeler saw no asset with a real object"
_NO_SHAPES = "the labeler drew nothing"
_NOTHING_SHARED = "the labeler drew no object that others drew, too"
_NO_MASKS = "the feature has no masks, or they were voted on"


@dataclass(frozen=True)
class LabelerFigures:
    """One labeler."""

    labeler: str
    view_count: int
    drawn_count: int
    sensitivity: Estimate
    false_share: Estimate
    geometry: tuple[tuple[str, Estimate, Estimate], ...]
    """Coordinate, bias, standard deviation."""
    pixel_sensitivity: Estimate
    pixel_specificity: Estimate


def labeler_figures(found: FeatureConsensus) -> Iterator[LabelerFigures]:
    """Every labeler, in order."""
    existence, pixels = found.existence, found.fused.pixels
    drawn = np.bincount(found.drawn.labeler_codes, minlength=len(found.labelers)).tolist()
    for row, labeler in enumerate(found.labelers):
        painted = None if pixels is None else (pixels.sensitivity[row], pixels.object_pixels[row])
        left = None if pixels is None else (pixels.specificity[row], pixels.other_pixels[row])
        yield LabelerFigures(
            labeler,
            int(found.items_seen[row]),
            drawn[row],
            _share(existence.expected_hits[row], existence.expected_objects[row], f"{NAME}_sensitivity", _NO_OBJECTS),
            _share(existence.expected_false[row], existence.draws[row], f"{NAME}_false_share", _NO_SHAPES),
            tuple(_geometry(figures, row, found.fused.method) for figures in found.fused.labelers),
            _pixel_share(painted, f"{found.fused.method}_sensitivity"),
            _pixel_share(left, f"{found.fused.method}_specificity"),
        )


def _share(successes: float, trials: float, method: str, reason: str) -> Estimate:
    """A share of expected counts."""
    if trials < 0.5:
        return Estimate.undefined(reason, method=method, interval_method="wilson")
    value = min(1.0, float(successes / trials))
    lower, upper = wilson(value * float(trials), float(trials))
    return Estimate(value, lower, upper, LEVEL, method, "wilson", round(float(trials)))


def _pixel_share(found: tuple[float, float] | None, method: str) -> Estimate:
    if found is None:
        return Estimate.undefined(_NO_MASKS, method=method, interval_method="wilson")
    return _share(found[0] * found[1], found[1], method, _NO_OBJECTS)


def _geometry(figures: LabelerGeometry, row: int, method: str) -> tuple[str, Estimate, Estimate]:
    """Bias with a normal interval; spread with a normal one of its logarithm (the error of which is 1 / sqrt(2 (n -
    1))).
    """
    count, z = int(figures.counts[row]), float(ndtri((1 + LEVEL) / 2))
    if count == 0:
        bias = Estimate.undefined(_NOTHING_SHARED, method=f"{method}_bias", interval_method="normal")
        spread = Estimate.undefined(_NOTHING_SHARED, method=f"{method}_spread", interval_method="normal_of_log")
        return figures.coordinate, bias, spread
    value, width = float(figures.bias[row]), float(figures.spread[row])
    half = z * width / math.sqrt(count)
    bias = Estimate(value, value - half, value + half, LEVEL, f"{method}_bias", "normal", count)
    factor = math.exp(z / math.sqrt(2 * max(count - 1, 1)))
    spread = Estimate(width, width / factor, width * factor, LEVEL, f"{method}_spread", "normal_of_log", count)
    return figures.coordinate, bias, spread
