"""The median: the middle answer. Pure."""

from __future__ import annotations

import numpy as np
from scipy.special import bdtr

from labelmill_quality.intervals import LEVEL
from labelmill_quality.numeric.consensus import NumericConsensus
from labelmill_quality.numeric.table import Counts, Floats, NumberTable

NAME = "median"
VERSION = "1"


def fit(table: NumberTable, _gold: Floats | None = None) -> NumericConsensus:
    """The median of each item's answers (the middle of the two middle ones where they are even in number).

    The interval runs between two order statistics, x(k) to x(n+1-k), with the largest k for which a binomial count of
    answers below the median, B(n, 1/2), is under k with probability at most (1 - level) / 2; it holds for answers of
    any distribution. Below six answers no pair of answers is 95 % sure, so there is none.

    (W. J. Conover, Practical Nonparametric Statistics, 3rd edition, section 3.2.)
    """
    ordered, starts, counts = table.ordered, table.starts[:-1], table.counts
    middle = (ordered[starts + (counts - 1) // 2] + ordered[starts + counts // 2]) / 2
    ranks = _ranks(counts)
    known = ranks >= 1
    lower, upper = np.full(len(counts), np.nan), np.full(len(counts), np.nan)
    lower[known] = ordered[(starts + ranks - 1)[known]]
    upper[known] = ordered[(starts + counts - ranks)[known]]
    return NumericConsensus(
        middle, lower, upper, NAME, VERSION, "order_statistics", "fewer than six answers bound no median"
    )


def _ranks(counts: Counts) -> Counts:
    """The rank k of the lower end for each number of answers; 0 where there is none."""
    kinds, where = np.unique(counts, return_inverse=True)
    tail = (1 - LEVEL) / 2
    # The smallest q with P(B <= q) > tail: then P(B <= q - 1) <= tail, and k = q.
    ranks = np.array([np.argmax(bdtr(np.arange(count + 1), int(count), 0.5) > tail) for count in kinds], np.int64)
    chosen: Counts = ranks[where]
    return chosen
