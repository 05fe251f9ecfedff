"""Coefficients (p_a - p_e) / (1 - p_e) of any number of labelers, answers missing or not. Pure.

They share the agreement p_a that is observed and differ in the agreement p_e that is expected by chance. With r_ik
labelers who gave item i the class k, r_i = sum_k r_ik, weights w_kl of how much classes agree, and shares
p_k = mean over all items of r_ik / r_i:

    p_a = mean over the items with r_i >= 2 of  sum_k r_ik (sum_l w_kl r_il - 1) / (r_i (r_i - 1))
    p_e = sum_kl w_kl p_k p_l                                     Fleiss' kappa, Scott's pi
          sum_kl w_kl / (q (q - 1)) * sum_k p_k (1 - p_k)         Gwet's AC1, AC2
          sum_kl w_kl / q²                                        Brennan and Prediger

q is the number of classes. So do irrCAC and K. L. Gwet, Handbook of Inter-Rater Reliability, whose variances these are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from labelmill_quality.agreement.patterns import Patterns, pair_sums

Floats = npt.NDArray[np.float64]


class Chance(Enum):
    """What agreement by chance is taken to be."""

    NONE = "none"
    FLEISS = "fleiss"
    GWET = "gwet"
    BRENNAN_PREDIGER = "brennan_prediger"


@dataclass(frozen=True)
class Shares:
    """What the coefficients need of the items; equal items are one pattern."""

    patterns: Patterns
    weights: Floats
    """(classes, classes): how much two classes agree, 1 for equal ones."""

    @cached_property
    def several(self) -> Floats:
        """(patterns): 1 where items have at least two labels, else 0."""
        return (self.patterns.sizes >= 2).astype(np.float64)

    @cached_property
    def agreements(self) -> Floats:
        """(patterns): the share of an item's pairs of labels that agree; 0 where there is no pair."""
        sizes = self.patterns.sizes
        agreed = pair_sums(self.patterns.votes, self.weights) - sizes
        return agreed / np.maximum(sizes * (sizes - 1), 1)

    def class_shares(self, item_weights: Floats) -> Floats:
        """(replicates, classes) from (replicates, patterns): p_k."""
        relative = item_weights / self.patterns.sizes
        return np.asarray((self.patterns.votes.T @ relative.T).T / item_weights.sum(axis=1, keepdims=True))

    def observed(self, item_weights: Floats) -> Floats:
        """(replicates) from (replicates, patterns): p_a; NaN where no item has two labels."""
        pairs = item_weights @ self.several
        agreed = item_weights @ (self.several * self.agreements)
        return np.where(pairs > 0, agreed / np.maximum(pairs, 1), np.nan)


def chance_slopes(weights: Floats, chance: Chance, shares: Floats) -> Floats:
    """(replicates, classes): how p_e depends on p_k, so that p_e = sum_k p_k slope_k.

    Args:
        weights: (classes, classes).
        chance: Which p_e.
        shares: (replicates, classes): p.
    """
    total, size = weights.sum(), len(weights)
    if chance is Chance.FLEISS:
        return np.asarray(shares @ weights)
    if chance is Chance.GWET and size > 1:  # of a single class, chance explains everything
        return np.asarray(total / (size * (size - 1)) * (1 - shares))
    return np.full_like(shares, 0.0 if chance is Chance.NONE else total / max(size, 1) ** 2)


def statistic(shares: Shares, chance: Chance) -> Callable[[Floats], Floats]:
    """From (replicates, patterns) weights of items to the coefficient of each; NaN where it is undefined."""

    def coefficient(item_weights: Floats) -> Floats:
        observed = shares.observed(item_weights)
        if chance is Chance.NONE:
            return observed
        p = shares.class_shares(item_weights)
        expected = (p * chance_slopes(shares.weights, chance, p)).sum(axis=1)
        return corrected(observed, expected)

    return coefficient


def corrected(observed: Floats, expected: Floats) -> Floats:
    """(p_a - p_e) / (1 - p_e); NaN where chance alone would agree always."""
    room = 1 - expected
    defined = room > 1e-12
    return np.where(defined, (observed - expected) / np.where(defined, room, 1.0), np.nan)


def influence(shares: Shares, chance: Chance) -> Floats:
    """(patterns): what an item of each adds to the coefficient; their mean is the coefficient.

    (n / n_2) (p_a,i - p_e [r_i >= 2]) / (1 - p_e) - 2 (1 - coefficient) (p_e,i - p_e) / (1 - p_e), where
    p_e,i = sum_k slope_k r_ik / r_i, n are all items and n_2 those with two labels or more. For a constant p_e, the
    second part is nought.
    """
    weights = shares.patterns.weights
    pairs = float((weights @ shares.several)[0])
    observed = float(shares.observed(weights)[0])
    p = shares.class_shares(weights)
    slopes = chance_slopes(shares.weights, chance, p)
    expected = float((p * slopes).sum())
    own = shares.patterns.items / pairs * (shares.agreements - expected) * shares.several / (1 - expected)
    if chance in (Chance.NONE, Chance.BRENNAN_PREDIGER):
        return np.asarray(own)
    by_item = (shares.patterns.votes @ slopes[0]) / shares.patterns.sizes
    rest = 1 - (observed - expected) / (1 - expected)
    return np.asarray(own - 2 * rest * (by_item - expected) / (1 - expected))
