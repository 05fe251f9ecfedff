"""The two passes over the answers that each round of EM makes. Pure."""

from __future__ import annotations

import numpy as np

from labelmill_quality.compiled import compiled
from labelmill_quality.numeric.table import Codes, Floats


@compiled
def item_sums(
    items: Codes, labelers: Codes, values: Floats, bias: Floats, gain: Floats, noise: Floats, count: int
) -> tuple[Floats, Floats]:
    """For each item the sums of a² / s² and of a (y - b) / s² over its answers."""
    precision, pull = np.zeros(count), np.zeros(count)
    for row in range(len(values)):
        item, labeler = items[row], labelers[row]
        weight = gain[labeler] / noise[labeler]
        precision[item] += weight * gain[labeler]
        pull[item] += weight * (values[row] - bias[labeler])
    return precision, pull


@compiled
def labeler_sums(items: Codes, labelers: Codes, values: Floats, truth: Floats, variance: Floats, count: int) -> Floats:
    """For each labeler the sums of 1, t, t² + v, y, y t and y² over the answers; (6, count)."""
    sums = np.zeros((6, count))
    for row in range(len(values)):
        item, labeler, value = items[row], labelers[row], values[row]
        sums[0, labeler] += 1.0
        sums[1, labeler] += truth[item]
        sums[2, labeler] += truth[item] * truth[item] + variance[item]
        sums[3, labeler] += value
        sums[4, labeler] += value * truth[item]
        sums[5, labeler] += value * value
    return sums
