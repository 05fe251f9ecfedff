"""How often a labeler is right, and how they err, as posteriors that few answers leave wide. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import LEVEL, proportion
from labelmill_quality.labelers.reference import References

Floats = npt.NDArray[np.float64]

NO_GOLD_ANSWERS = "no answer about an item with gold"
NO_REFERENCES = "no item with gold, and none that others labeled and agreed on"
METHOD = "reliability_empirical_bayes"
BETA = "beta_posterior"
_PRIOR_SIZES = (1.0, 50.0)
"""Labels that the prior may count for, at least and at most."""


def gold_accuracies(references: References) -> list[Estimate]:
    """For each labeler, the share of answers about gold that are right, with Wilson's interval."""
    right, total = _counts(references, references.of_gold)
    return [proportion(int(r), int(t), "gold_accuracy", NO_GOLD_ANSWERS) for r, t in zip(right, total, strict=True)]


def reliabilities(references: References, level: float = LEVEL) -> list[Estimate]:
    """For each labeler, the probability that a label is right: mean and quantiles of a Beta posterior.

    With s of n compared labels right, the posterior is Beta(a + s, b + n - s). The prior Beta(a, b) is what all
    labelers together show (empirical Bayes): its mean is their mean accuracy, and its size a + b the one whose variance
    is the variance between labelers that is left when that of counting is taken away, from 1 to 50 labels. A labeler
    with few labels is therefore taken for a typical one, and said to be uncertain.
    """
    right, total = _counts(references, references.known)
    a, b = _prior(right, total)
    tails = np.array([[(1 - level) / 2], [(1 + level) / 2]])
    lower, upper = betaincinv(a + right, b + total - right, tails)
    means = (a + right) / (a + b + total)
    return [
        Estimate(float(mean), float(low), float(high), level, METHOD, BETA, int(n))
        if n
        else Estimate.undefined(NO_REFERENCES, method=METHOD, interval_method=BETA, level=level)
        for mean, low, high, n in zip(means, lower, upper, total, strict=True)
    ]


@dataclass(frozen=True)
class ConfusionPosterior:
    """P(said | reference) of one labeler: marginals of a Dirichlet posterior for each row."""

    counts: Floats
    """(reference classes, classes said)"""
    mean: Floats
    lower: Floats
    upper: Floats
    level: float


def confusion_posterior(counts: Floats, level: float = LEVEL) -> ConfusionPosterior:
    """The posterior under the prior Dirichlet(1/K, ..., 1/K) of each row: one pseudo-label a row, spread evenly.

    A cell's marginal is Beta(n_ck + 1/K, n_c - n_ck + 1 - 1/K). Rows without labels keep the prior, and are wide.

    Args:
        counts: (K, K).
        level: Of the intervals.
    """
    size = len(counts)
    if size < 2:
        ones = np.ones_like(counts)
        return ConfusionPosterior(counts, ones, ones, ones, level)
    total = counts.sum(axis=1, keepdims=True)
    a, b = counts + 1 / size, total - counts + 1 - 1 / size
    lower, upper = (betaincinv(a, b, tail) for tail in ((1 - level) / 2, (1 + level) / 2))
    return ConfusionPosterior(counts, a / (a + b), lower, upper, level)


def _counts(references: References, rows: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    table = references.table
    size = len(table.labelers)
    total = np.bincount(table.labeler_codes[rows], minlength=size).astype(np.float64)
    right = np.bincount(table.labeler_codes[rows & references.right], minlength=size).astype(np.float64)
    return right, total


def _prior(right: Floats, total: Floats) -> tuple[float, float]:
    """Beta's a and b by the method of moments for binomial shares of unequal size (J. C. Kleinman, JASA 68, 1973)."""
    some = total > 0
    right, total = right[some], total[some]
    low, high = _PRIOR_SIZES
    mean = float((right.sum() + 1) / (total.sum() + 2))
    if len(total) < 3:
        return mean * low, (1 - mean) * low
    shares = right / total
    weights = total / total.sum()
    between = float(weights @ (shares - mean) ** 2)
    counting = mean * (1 - mean) * float((weights * (1 - weights) / total).sum())
    scale = float((weights * (1 - weights)).sum()) - float((weights * (1 - weights) / total).sum())
    ratio = (between - counting) / (mean * (1 - mean) * scale) if scale > 0 else 1.0  # 1 / (1 + size of the prior)
    size = float(np.clip(1 / ratio - 1, low, high)) if ratio > 0 else high
    return mean * size, (1 - mean) * size
