"""Matching as CVAT's quality reports do it (cvat/apps/quality_control/quality_reports.py). Pure.

Its ways, kept as they are so that a team's numbers do not change when it moves over:

* Boxes, areas (polygons and masks), lines and keypoints are matched each among themselves, by the assignment with the
  least sum of distances 1 - similarity, those below the threshold being 1. Classes play no part: a pair of two classes
  is an error of class.
* Areas are compared as pixels, and only what is visible of them: a later one covers an earlier one (this service's
  annotations have no z-order; the order sent stands for it).
* Boxes of different rotation are compared as pixels, those of the same as if they were upright.
* Keypoints (skeletons) are 0 where their bounding boxes do not meet; only visible points count; OKS is in the scale of
  the mean bounding box. Single points are compared in the scale of the image.
* Lines that are far apart are 0. Either direction of drawing counts, with points aligned in the direction drawn.

Classes are this service's classes: shapes of one feature are matched among themselves, and the score of a frame is over
all features. Tracks, groups, covered objects and the alignment of unnamed points are not reproduced.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from labelmill_quality.matching.areas import as_mask, upright_overlap
from labelmill_quality.matching.assignment import Floats, Matching
from labelmill_quality.matching.boxes import corners_of
from labelmill_quality.matching.lines import aligned, gaussian
from labelmill_quality.matching.measures import BoxMeasure, Measures
from labelmill_quality.matching.similarity import similarities
from labelmill_quality.shapes.instance import Instance
from labelmill_quality.shapes.run_lengths import MaskBatch, mask_ious, union, voted
from labelmill_quality.shapes.values import (
    Box,
    Keypoints,
    Mask,
    Polygon,
    Polyline,
    Relation,
    TextSpan,
    TimeSegment,
    Visibility,
)

_SHOWN = (Visibility.VISIBLE, Visibility.UNSPECIFIED)


def cvat_matching(
    gold: Sequence[Instance], said: Sequence[Instance], *, threshold: float, measures: Measures
) -> Matching:
    """Who belongs to whom."""
    return _matched(_families(gold, said, measures), threshold, len(gold), len(said))


def frame_score(gold: Sequence[Instance], said: Sequence[Instance], *, threshold: float, measures: Measures) -> float:
    """The "mean IoU" of a frame: of every pair its similarity, of every shape without a partner its largest one to any
    shape of the other side; 0 where there is no shape at all.
    """
    families = _families(gold, said, measures)
    matching = _matched(families, threshold, len(gold), len(said))
    nearest, other_nearest = np.zeros(len(gold)), np.zeros(len(said))
    for left, right, alike in families:
        nearest[left], other_nearest[right] = alike.max(axis=1), alike.max(axis=0)
    alone = [nearest[matching.left_alone], other_nearest[matching.right_alone]]
    scores = np.concatenate([matching.similarity, *alone])
    return float(scores.mean()) if len(scores) else 0.0


_Family = tuple[list[int], list[int], Floats]
"""Places in gold, places in what was said, and how alike they are."""


def _families(gold: Sequence[Instance], said: Sequence[Instance], measures: Measures) -> list[_Family]:
    found: list[_Family] = []
    for family, compare in _FAMILIES:
        left = [place for place, one in enumerate(gold) if isinstance(one.shape, family)]
        right = [place for place, one in enumerate(said) if isinstance(one.shape, family)]
        if left and right:
            alike = compare([gold[place].shape for place in left], [said[place].shape for place in right], measures)
            found.append((left, right, alike))
    return found


def _matched(families: Sequence[_Family], threshold: float, left_count: int, right_count: int) -> Matching:
    pairs = sorted(
        (left[i], right[j], float(alike[i, j]))
        for left, right, alike in families
        for i, j in _assigned(alike, threshold)
    )
    lefts, rights = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    return Matching(left_count, right_count, lefts, rights, np.array([pair[2] for pair in pairs], np.float64))


def _assigned(alike: Floats, threshold: float) -> list[tuple[int, int]]:
    from scipy.optimize import linear_sum_assignment  # heavy; its choice among equals is CVAT's

    size = max(alike.shape)
    distances = np.ones((size, size))
    distances[: alike.shape[0], : alike.shape[1]] = 1 - alike
    distances[~np.isfinite(distances) | (distances > 1 - threshold)] = 1
    rows, columns = linear_sum_assignment(distances)
    return [(i, j) for i, j in zip(rows.tolist(), columns.tolist(), strict=True) if distances[i, j] < 1]


def _boxes(gold: Sequence[Box], said: Sequence[Box], _measures: Measures) -> Floats:
    alike = upright_overlap(corners_of(gold), corners_of(said)).similarities(BoxMeasure.IOU)
    for i, one in enumerate(gold):
        for j, other in enumerate(said):
            if one.rotation_degrees != other.rotation_degrees:
                drawn = [MaskBatch.of([as_mask(box, one.size)]) for box in (one, other)]
                alike[i, j] = mask_ious(*drawn)[0, 0]
    return alike


def _areas(gold: Sequence[Polygon | Mask], said: Sequence[Polygon | Mask], _measures: Measures) -> Floats:
    return mask_ious(_visible(gold), _visible(said))


def _visible(areas: Sequence[Polygon | Mask]) -> MaskBatch:
    masks = [as_mask(area, area.size) for area in areas]
    shown, covered = [masks[-1]], masks[-1]
    for mask in masks[-2::-1]:
        shown.append(voted([mask, covered], 1.0, [1.0, -1.0]))
        covered = union([mask, covered])
    return MaskBatch.of(shown[::-1])


def _lines(gold: Sequence[Polyline], said: Sequence[Polyline], measures: Measures) -> Floats:
    return np.array([[_line(one, other, measures.line_thickness) for other in said] for one in gold])


def _line(one: Polyline, other: Polyline, thickness: float) -> float:
    (centre, radius), (other_centre, other_radius) = (_circle(line) for line in (one, other))
    reach = one.size.pixels * (6 * thickness) ** 2
    if float(((centre - other_centre) ** 2).sum()) > radius + other_radius + reach:
        return 0.0
    points, others = aligned(one.points, other.points)
    return max(gaussian(points, way, one.size, thickness) for way in (others, others[::-1]))


def _circle(line: Polyline) -> tuple[Floats, float]:
    """The centre of the bounding box, and the square of half its diagonal."""
    low, high = line.points.min(axis=0), line.points.max(axis=0)
    return (low + high) / 2, float(((high - low) ** 2).sum()) / 4


def _keypoints(gold: Sequence[Keypoints], said: Sequence[Keypoints], measures: Measures) -> Floats:
    return np.array([[_oks(one, other, measures.oks_sigma) for other in said] for one in gold])


def _oks(one: Keypoints, other: Keypoints, sigma: float) -> float:
    if len(one.names) == len(other.names) == 1:
        scale = float(one.size.pixels)
    else:
        boxes = np.array([_bounds(one), _bounds(other)])
        if upright_overlap(boxes[:1], boxes[1:]).similarities(BoxMeasure.IOU)[0, 0] <= 0:
            return 0.0
        scale = float(np.prod((boxes[:, 2:] - boxes[:, :2]).mean(axis=0)))
    ours, theirs = _shown(one), _shown(other)
    both, either = ours.keys() & theirs.keys(), ours.keys() | theirs.keys()
    total = 0.0
    for name in sorted(both):
        (x, y), (u, v) = ours[name], theirs[name]
        total += float(np.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * scale * (2 * sigma) ** 2)))
    return total / len(either) if either else 0.0


def _bounds(shape: Keypoints) -> list[float]:
    points = shape.points[shape.present]
    return [*points.min(axis=0).tolist(), *points.max(axis=0).tolist()]


def _shown(shape: Keypoints) -> dict[str, tuple[float, float]]:
    rows = zip(shape.names, shape.points.tolist(), shape.visibility.tolist(), strict=True)
    return {name: (x, y) for name, (x, y), visibility in rows if visibility in _SHOWN}


_FAMILIES: tuple[tuple[tuple[type, ...], Callable[[Any, Any, Measures], Floats]], ...] = (
    ((Box,), _boxes),
    ((Polygon, Mask), _areas),
    ((Polyline,), _lines),
    ((Keypoints,), _keypoints),
    ((TextSpan,), similarities),
    ((TimeSegment,), similarities),
    ((Relation,), similarities),
)
"""What is matched among itself; CVAT has none of the last three."""
