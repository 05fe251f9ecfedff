"""How alike any two shapes are. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from labelmill_quality.matching.areas import area_similarities
from labelmill_quality.matching.assignment import Floats, Matching, match
from labelmill_quality.matching.lines import line_similarities
from labelmill_quality.matching.measures import DEFAULT, Measures
from labelmill_quality.matching.points import keypoint_similarities
from labelmill_quality.matching.stretches import stretch_similarities
from labelmill_quality.shapes.instance import Instance
from labelmill_quality.shapes.values import (
    Box,
    Keypoints,
    Mask,
    Polygon,
    Polyline,
    Relation,
    Shape,
    TextSpan,
    TimeSegment,
)

_FAMILIES: tuple[tuple[tuple[type, ...], Callable[[Sequence[Any], Sequence[Any], Measures], Floats]], ...] = (
    ((Box, Polygon, Mask), lambda left, right, measures: area_similarities(left, right, measures.box)),
    ((Polyline,), line_similarities),
    ((Keypoints,), keypoint_similarities),
    ((TextSpan,), stretch_similarities),
    ((TimeSegment,), stretch_similarities),
    ((Relation,), lambda left, right, _: np.array([[float(a == b) for b in right] for a in left])),
)
"""Shapes that can be compared with one another."""


def similarities(left: Sequence[Shape], right: Sequence[Shape], measures: Measures = DEFAULT) -> Floats:
    """(left, right), in [0, 1], symmetric, 1 for equals; 0 for shapes that cannot be compared, as a box and a line.

    Raises:
        ValueError: There are masks of different image sizes.
    """
    values = np.zeros((len(left), len(right)))
    for family, compare in _FAMILIES:
        rows = [i for i, shape in enumerate(left) if isinstance(shape, family)]
        columns = [j for j, shape in enumerate(right) if isinstance(shape, family)]
        if rows and columns:
            found = compare([left[i] for i in rows], [right[j] for j in columns], measures)
            values[np.ix_(rows, columns)] = found
    return values


def match_instances(
    left: Sequence[Instance],
    right: Sequence[Instance],
    *,
    threshold: float,
    class_aware: bool = False,
    measures: Measures = DEFAULT,
) -> Matching:
    """Who of two labelers' instances of one item belongs to whom; see `match`."""
    alike = similarities([one.shape for one in left], [one.shape for one in right], measures)
    classes = [np.array([one.class_name for one in side], object) for side in (left, right)]
    same = (classes[0][:, None] == classes[1][None, :]).astype(bool)
    return match(alike, threshold=threshold, same_class=same, class_aware=class_aware)
