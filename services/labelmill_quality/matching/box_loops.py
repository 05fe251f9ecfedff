"""Compiled loop over the boxes of many items; what it computes is said in `boxes`."""

from __future__ import annotations

from typing import Any

import numpy as np

from labelmill_quality.compiled import compiled
from labelmill_quality.matching.assignment import PAIR_BONUS, SAME_CLASS_BONUS, Columns, Floats
from labelmill_quality.matching.assignment_loops import assign
from labelmill_quality.matching.boxes import Offsets


@compiled
def match_groups(
    left: Floats,
    left_offsets: Offsets,
    left_classes: Columns,
    right: Floats,
    right_offsets: Offsets,
    right_classes: Columns,
    threshold: float,
    class_aware: bool,
    generalized: bool,
) -> tuple[Columns, Floats]:
    """(left,) the partner of each, -1 for none, and (left,) how alike they are."""
    partners, similarity = np.full(len(left), -1, np.int64), np.zeros(len(left))
    for group in range(len(left_offsets) - 1):
        start, end = left_offsets[group], left_offsets[group + 1]
        other, other_end = right_offsets[group], right_offsets[group + 1]
        alike = np.zeros((end - start, other_end - other))
        weights = np.zeros_like(alike)
        for i in range(end - start):
            for j in range(other_end - other):
                same = left_classes[start + i] == right_classes[other + j]
                if class_aware and not same:
                    continue
                value = _similarity(left[start + i], right[other + j], generalized)
                if value >= threshold and value > 0:
                    alike[i, j] = value
                    weights[i, j] = value + PAIR_BONUS + (SAME_CLASS_BONUS if same else 0.0)
        columns = assign(weights)
        for i in range(end - start):
            if columns[i] >= 0:
                partners[start + i] = other + columns[i]
                similarity[start + i] = alike[i, columns[i]]
    return partners, similarity


@compiled
def _similarity(first: Floats, second: Floats, generalized: bool) -> Any:
    """IoU, or (1 + GIoU) / 2."""
    across = min(first[2], second[2]) - max(first[0], second[0])
    down = min(first[3], second[3]) - max(first[1], second[1])
    meet = across > 0 and down > 0
    if not meet and not generalized:
        return 0.0
    shared = across * down if meet else 0.0
    union = (first[2] - first[0]) * (first[3] - first[1]) + (second[2] - second[0]) * (second[3] - second[1]) - shared
    if not generalized:
        return shared / union
    hull = (max(first[2], second[2]) - min(first[0], second[0])) * (max(first[3], second[3]) - min(first[1], second[1]))
    return (1 + shared / union - (hull - union) / hull) / 2
