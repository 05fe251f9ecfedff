"""Keypoints: object keypoint similarity (OKS). Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labelmill_quality.matching.assignment import Floats
from labelmill_quality.matching.measures import Measures
from labelmill_quality.shapes.values import Keypoints


def keypoint_similarities(left: Sequence[Keypoints], right: Sequence[Keypoints], measures: Measures) -> Floats:
    """(left, right): OKS of each pair."""
    return np.array([[oks(one, other, measures) for other in right] for one in left]).reshape(len(left), len(right))


def oks(one: Keypoints, other: Keypoints, measures: Measures) -> float:
    """The mean over keypoints that either has of exp(-d² / (2 s (2 sigma)²)), 0 for those that only one has.

    d is the distance of the two points of a name, s the area of the mean of the two bounding boxes of the points (the
    image's where that is 0, as for a single point). As CVAT computes it for skeletons, but covered points count like
    visible ones, and bounding boxes need not meet. COCO (Lin and others 2014) takes s and the points that count from
    the gold alone, which is not symmetric; `average_precision` does as COCO does.
    """
    ours, theirs = _present(one), _present(other)
    names = ours.keys() & theirs.keys()
    if not names:
        return 0.0
    scale = _mean_area(one, other) or float(one.size.pixels) or 1.0
    sigmas = measures.keypoint_sigmas or {}
    total = 0.0
    for name in sorted(names):
        (x, y), (u, v) = ours[name], theirs[name]
        sigma = sigmas.get(name, measures.oks_sigma)
        total += float(np.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * scale * (2 * sigma) ** 2)))
    return total / len(ours.keys() | theirs.keys())


def _present(shape: Keypoints) -> dict[str, tuple[float, float]]:
    rows = zip(shape.names, shape.points.tolist(), shape.present.tolist(), strict=True)
    return {name: (x, y) for name, (x, y), present in rows if present}


def _mean_area(one: Keypoints, other: Keypoints) -> float:
    """Width times height of the mean bounding box."""
    sides = [np.ptp(shape.points[shape.present], axis=0) for shape in (one, other)]
    width, height = (sides[0] + sides[1]) / 2
    return float(width * height)
