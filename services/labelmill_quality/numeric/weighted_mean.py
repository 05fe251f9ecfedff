"""The weighted mean: a labeler who is closer to the others counts more. Pure."""

from __future__ import annotations

import numpy as np

from labelmill_quality.numeric.consensus import NumericConsensus, student_interval
from labelmill_quality.numeric.table import Floats, NumberTable

NAME = "weighted_mean"
VERSION = "1"
PRIOR_ANSWERS = 5.0
"""Answers of an average labeler added to each labeler's own, so that few answers give no wild weight."""
SMALLEST = 1e-3
"""Variance of a labeler at least, as a share of the average labeler's."""
_NOTHING = 1e-280
"""Squares below have lost their digits."""


def fit(table: NumberTable, _gold: Floats | None = None) -> NumericConsensus:
    """Means with weights 1 / s_l², s_l² being the labeler's mean squared distance from the mean of the others.

    With n answers on an item of equal variance s², the squared distance from the others' mean has mean s² n / (n - 1),
    by which it is divided. The interval is Student's with error 1 / sqrt(sum of weights).
    """
    items, labelers = table.item_codes, table.labeler_codes
    counts = table.counts[items].astype(np.float64)
    several = counts > 1
    others = (table.sums(table.values)[items] - table.values) / np.where(several, counts - 1, 1.0)
    squares = np.where(several, (table.values - others) ** 2 * (counts - 1) / counts, 0.0)
    total, told = float(squares.sum()), table.sums_of_labelers(several.astype(np.float64))
    average = total / max(1.0, float(told.sum()))
    if average < _NOTHING:  # everybody agrees on everything, or nobody can be compared
        average, weights = 0.0, np.ones(len(table))
    else:
        variance = (table.sums_of_labelers(squares) + PRIOR_ANSWERS * average) / (told + PRIOR_ANSWERS)
        weights = average / np.maximum(variance, SMALLEST * average)[labelers]
    sums = table.sums(weights)
    means = table.sums(weights * table.values) / sums
    degrees = told * (1 - len(table.items) / len(table)) + PRIOR_ANSWERS
    freedom = sums**2 / table.sums(weights**2 / degrees[labelers])
    errors = np.sqrt(average / sums) if average > 0 else np.full(len(means), np.nan)
    lower, upper = student_interval(means, errors, freedom)
    return NumericConsensus(means, lower, upper, NAME, VERSION, "student_t", "no two labelers can be told apart")
