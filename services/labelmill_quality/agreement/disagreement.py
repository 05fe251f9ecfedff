"""How far apart answers lie, within items and over all items: what Krippendorff's alpha is made of. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.agreement.patterns import Patterns, pair_sums

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Disagreement:
    """Squared distances d² between classes, summed in the two ways that alpha compares."""

    within: Floats
    """(patterns): sum_ck n_c n_k d²(c, k) / (m - 1), n being the votes of such an item and m their number."""
    to_all: Callable[[Floats], Floats]
    """From (classes, replicates) counts n to (classes, replicates) sums sum_k d²(c, k) n_k."""


def nominal(patterns: Patterns) -> Disagreement:
    """d²(c, k) = [c != k]."""
    squares = np.asarray(patterns.votes.multiply(patterns.votes).sum(axis=1)).ravel()
    within = (patterns.sizes**2 - squares) / (patterns.sizes - 1)
    return Disagreement(within, lambda counts: counts.sum(axis=0) - counts)


def interval(patterns: Patterns, values: Floats) -> Disagreement:
    """d²(c, k) = (v_c - v_k)², in units of the range of the values that occur."""
    scaled = _scaled(patterns, values)
    first, second = patterns.votes @ scaled, patterns.votes @ scaled**2
    within = 2 * (patterns.sizes * second - first**2) / (patterns.sizes - 1)

    def to_all(counts: Floats) -> Floats:
        column = scaled[:, None]
        return np.asarray(column**2 * counts.sum(axis=0) - 2 * column * (scaled @ counts) + scaled**2 @ counts)

    return Disagreement(within, to_all)


def ranked(patterns: Patterns) -> Disagreement:
    """d²(c, k) = (r_c - r_k)² with the mid-ranks that the classes have in these items."""
    counts = patterns.votes.T @ patterns.multiplicities
    return interval(patterns, np.cumsum(counts) - counts / 2)


def ratio(patterns: Patterns, values: Floats) -> Disagreement:
    """d²(c, k) = ((v_c - v_k) / (v_c + v_k))² for values of at least 0; 0 for two zeros."""
    scaled = values / max(1.0, float(values.max(initial=0.0)))  # the sum of two huge numbers must stay a number
    sums = scaled[:, None] + scaled
    return by_distance(patterns, ((scaled[:, None] - scaled) / np.where(sums > 0, sums, 1.0)) ** 2)


def by_distance(patterns: Patterns, distances: Floats) -> Disagreement:
    """d² as a symmetric (classes, classes) matrix with zeros on the diagonal."""
    distances = distances / max(float(distances.max(initial=0.0)), np.finfo(np.float64).tiny)  # alpha has no unit
    within = pair_sums(patterns.votes, distances) / (patterns.sizes - 1)
    return Disagreement(within, lambda counts: distances @ counts)


def _scaled(patterns: Patterns, values: Floats) -> Floats:
    used = patterns.used
    low, high = values[used].min(), values[used].max()
    half_range = high / 2 - low / 2  # halves, because the difference of two floats may be too large for one
    # Alpha has no origin and no unit.
    return np.where(used, (values / 2 - low / 2) / (half_range or 1.0) - 0.5, 0.0)
