"""The mean: every answer counts the same. Pure."""

from __future__ import annotations

import numpy as np

from labelmill_quality.numeric.consensus import NumericConsensus, spreads, student_interval
from labelmill_quality.numeric.table import Floats, NumberTable

NAME = "mean"
VERSION = "1"


def fit(table: NumberTable, _gold: Floats | None = None) -> NumericConsensus:
    """The mean of each item's answers, with Student's interval, mean ± t s / sqrt(n).

    It holds the item's mean over labelers like these; what all labelers get wrong alike is not in it.
    """
    means = table.sums(table.values) / table.counts
    errors = spreads(table, means) / np.sqrt(table.counts)
    lower, upper = student_interval(means, errors, table.counts - 1)
    return NumericConsensus(means, lower, upper, NAME, VERSION, "student_t", "one answer tells no spread")
