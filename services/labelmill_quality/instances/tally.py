"""Weighted counts by code. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def tally(codes: npt.NDArray[np.int64], weights: npt.ArrayLike, count: int) -> Floats:
    """(count,): the sum of the weights of each code."""
    return np.asarray(np.bincount(codes, np.asarray(weights, np.float64), count), np.float64)
