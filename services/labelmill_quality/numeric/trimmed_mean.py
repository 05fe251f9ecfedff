"""The trimmed mean: the mean without the largest and the smallest answers. Pure."""

from __future__ import annotations

import numpy as np

from labelmill_quality.numeric.consensus import NumericConsensus, student_interval
from labelmill_quality.numeric.table import Floats, NumberTable

NAME = "trimmed_mean"
VERSION = "1"
SHARE = 0.2
"""Left out at either end, rounded down to whole answers."""


def fit(table: NumberTable, _gold: Floats | None = None) -> NumericConsensus:
    """The mean of each item's answers without g = floor(0.2 n) at either end.

    Interval of Tukey and McLaughlin: trimmed mean ± t s_w / ((1 - 2 g/n) sqrt(n)) with n - 2g - 1 degrees of freedom,
    s_w being the standard deviation of the winsorized answers, in which those left out are replaced by the nearest ones
    kept. (J. W. Tukey and D. H. McLaughlin, Sankhya A 25, 1963.)
    """
    counts, starts = table.counts, table.starts[:-1]
    cut = (SHARE * counts).astype(np.int64)
    rank = np.arange(len(table)) - starts[table.item_codes]
    first, last = starts + cut, starts + counts - 1 - cut
    inside = (rank >= cut[table.item_codes]) & (rank < (counts - cut)[table.item_codes])
    kept = counts - 2 * cut
    means = table.sums(np.where(inside, table.ordered, 0.0)) / kept
    winsorized = np.clip(table.ordered, table.ordered[first][table.item_codes], table.ordered[last][table.item_codes])
    centres = table.sums(winsorized) / counts
    squares = table.sums((winsorized - centres[table.item_codes]) ** 2)
    spread = np.sqrt(np.divide(squares, counts - 1, out=np.full(len(counts), np.nan), where=counts > 1))
    errors = spread / (kept / counts * np.sqrt(counts))
    lower, upper = student_interval(means, errors, kept - 1)
    return NumericConsensus(
        means, lower, upper, NAME, VERSION, "tukey_mclaughlin", "one answer left after trimming tells no spread"
    )
