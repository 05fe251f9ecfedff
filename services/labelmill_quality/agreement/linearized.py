"""Analytic intervals: a coefficient as the mean of what every item adds to it, and Student's interval of that. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

Floats = npt.NDArray[np.float64]

LINEARIZED = "linearized_items"
"""The name of such intervals: first-order (delta method, infinitesimal jackknife) over items."""


def standard_error(influence: Floats, multiplicities: npt.NDArray[np.int64]) -> float:
    """Of the mean of the influences: sqrt(sum_i (u_i - mean u)² / (n (n - 1))).

    This is the variance of K. L. Gwet, Handbook of Inter-Rater Reliability, and of irrCAC, for items drawn from a
    population without end.

    Args:
        influence: (kinds of items): what one adds.
        multiplicities: (kinds of items): how many there are; at least 2 together.
    """
    items = int(multiplicities.sum())
    centred = influence - influence @ multiplicities / items
    return float(np.sqrt(centred**2 @ multiplicities / (items * (items - 1))))


def student_interval(
    value: float, influence: Floats, multiplicities: npt.NDArray[np.int64], level: float
) -> tuple[float | None, float | None]:
    """The value ± t (n - 1 degrees of freedom) standard errors, cut off at 1; none for fewer than two items."""
    items = int(multiplicities.sum())
    if items < 2:
        return None, None
    half = float(stdtrit(items - 1, (1 + level) / 2)) * standard_error(influence, multiplicities)
    return value - half, min(1.0, value + half)
