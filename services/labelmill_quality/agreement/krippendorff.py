"""Krippendorff's alpha: agreement of any number of labelers, answers missing or not, corrected for chance. Pure."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

import numpy as np
import numpy.typing as npt
from scipy import sparse

from labelmill_quality.agreement import disagreement
from labelmill_quality.agreement.linearized import LINEARIZED, student_interval
from labelmill_quality.agreement.patterns import Patterns, patterns_of_votes
from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import LEVEL, percentile_interval, resampling_weights

Floats = npt.NDArray[np.float64]

NO_PAIRS = "no item has labels of two labelers"
ONE_VALUE = "only one class occurs, so there is no chance agreement to correct for"
NO_DISTANCE = "all classes that occur have distance 0, so there is no chance agreement to correct for"


class Metric(Enum):
    """How far apart two values are."""

    NOMINAL = "nominal"
    ORDINAL = "ordinal"
    INTERVAL = "interval"
    RATIO = "ratio"
    CUSTOM = "custom"
    JACCARD = "jaccard"
    MASI = "masi"
    EDIT = "edit"


MATRICES = frozenset({Metric.CUSTOM, Metric.JACCARD, Metric.MASI, Metric.EDIT})
"""Those that come as a matrix of distances between the values."""


def krippendorff_alpha(
    votes: sparse.csr_matrix | Patterns,
    metric: Metric = Metric.NOMINAL,
    *,
    values: Floats | None = None,
    replicates: int = 1000,
    seed: int = 0,
    level: float = LEVEL,
) -> Estimate:
    """Krippendorff's alpha with a percentile bootstrap interval over items, or an analytic one.

    With n_uc labelers who gave item u the value c, m_u = sum_c n_uc, n_c = sum_u n_uc and n = sum_c n_c, over the items
    with m_u >= 2 (an item with one label says nothing about agreement and is dropped):

        alpha = 1 - D_o / D_e
        D_o = 1/n     sum_u sum_ck n_uc (n_uk - [c = k]) d²(c, k) / (m_u - 1)
        D_e = 1/n(n-1)      sum_ck n_c n_k d²(c, k)          (d(c, c) = 0)

    d² is [c != k] (nominal), (v_c - v_k)² (interval), ((v_c - v_k) / (v_c + v_k))² (ratio), (r_c - r_k)² with the
    mid-ranks r_c = sum_{g<c} n_g + n_c/2 (ordinal; equal to Krippendorff's (sum_{g=c..k} n_g - (n_c + n_k)/2)²), or
    what the caller gives. A replicate draws items with replacement and computes everything anew, the marginals and
    mid-ranks included.

    Alpha is undefined, not 0 and not 1, when only one value occurs: D_e is 0.
    (K. Krippendorff, Content Analysis, 2004.)

    Args:
        votes: (items, values) counts, values in their order; or the patterns of such counts.
        metric: The distance.
        values: The numbers that the columns stand for, for INTERVAL and RATIO; for MATRICES the (values, values) d².
        replicates: Of the bootstrap; 0 for the analytic interval (`linearized`), which takes the mid-ranks as given.
        seed: Of the bootstrap.
        level: Of the interval.
    """
    method = f"krippendorff_alpha_{metric.value}"
    interval_method = f"bootstrap_items_{replicates}" if replicates else LINEARIZED
    patterns = (votes if isinstance(votes, Patterns) else patterns_of_votes(votes)).shared()
    items = patterns.items
    reason = _undefined_reason(patterns, metric, values)
    if reason:
        return Estimate.undefined(reason, method=method, interval_method=interval_method, n=items, level=level)
    between = _distances(patterns, metric, values)
    statistic = _ordinal(patterns) if metric is Metric.ORDINAL else _alpha(patterns, between)
    value = float(statistic(patterns.weights)[0])
    if items < 2:  # every replicate would be the same item: no interval can come of it
        return Estimate(value, None, None, level, method, interval_method, items)
    if replicates:
        weights = resampling_weights(patterns.multiplicities, replicates, seed, patterns.votes.shape[1])
        lower, upper = percentile_interval(value, np.concatenate([statistic(chunk) for chunk in weights]), level)
    else:
        lower, upper = student_interval(value, alpha_influence(patterns, between), patterns.multiplicities, level)
    return Estimate(value, lower, upper, level, method, interval_method, items)


def alpha_influence(patterns: Patterns, between: disagreement.Disagreement) -> Floats:
    """(patterns) what an item of the pattern adds to alpha: their mean is alpha, but for its correction for few items.

    Their spread gives alpha's standard error, as in K. L. Gwet, On Krippendorff's Alpha Coefficient (2015), and irrCAC.
    With the mean size r of an item, o and e the disagreement per label observed and expected:

        1 - within_i / (r e) + o (1 - 1/n) (m_i / r - 1) / e - 2 (o / e) (m_i / r - sum_k n_ik (d² p)_k / (r e))
    """
    total = patterns.sizes @ patterns.multiplicities
    size = total / patterns.items
    shares = (patterns.votes.T @ patterns.multiplicities) / total
    to_all = between.to_all(shares[:, None])[:, 0]
    expected, observed = float(shares @ to_all), float(between.within @ patterns.multiplicities / total)
    relative = patterns.sizes / size
    own = 1 - between.within / (size * expected) + observed * (1 - 1 / total) * (relative - 1) / expected
    chance = relative - (patterns.votes @ to_all) / (size * expected)
    return np.asarray(own - 2 * observed / expected * chance)


def _undefined_reason(patterns: Patterns, metric: Metric, values: Floats | None) -> str:
    if not patterns.items:
        return NO_PAIRS
    used = patterns.used
    if used.sum() < 2:
        return ONE_VALUE
    if values is None:
        return ""
    if metric in MATRICES:
        return "" if values[np.ix_(used, used)].any() else NO_DISTANCE
    return "" if len(np.unique(values[used])) > 1 else ONE_VALUE


def _distances(patterns: Patterns, metric: Metric, values: Floats | None) -> disagreement.Disagreement:
    if metric is Metric.NOMINAL:
        return disagreement.nominal(patterns)
    if metric is Metric.ORDINAL:
        return disagreement.ranked(patterns)
    if values is None:
        raise ValueError(f"the {metric.value} metric needs the numbers that the columns stand for")
    if metric in MATRICES:
        return disagreement.by_distance(patterns, values)
    return (
        disagreement.interval(patterns, values) if metric is Metric.INTERVAL else disagreement.ratio(patterns, values)
    )


def _alpha(patterns: Patterns, between: disagreement.Disagreement) -> Callable[[Floats], Floats]:
    transposed = patterns.votes.T.tocsr()

    def alpha(weights: Floats) -> Floats:
        total = weights @ patterns.sizes
        marginals = transposed @ weights.T  # (values, replicates)
        expected = (marginals * between.to_all(marginals)).sum(axis=0)
        return _one_minus_ratio((total - 1) * (weights @ between.within), expected, total**2)

    return alpha


def _ordinal(patterns: Patterns) -> Callable[[Floats], Floats]:
    sizes = patterns.sizes[:, None]
    transposed = patterns.votes.T.tocsr()

    def alpha(weights: Floats) -> Floats:
        total = weights @ patterns.sizes
        marginals = transposed @ weights.T  # (values, replicates)
        ranks = (np.cumsum(marginals, axis=0) - marginals / 2) / total - 0.5
        first, second = patterns.votes @ ranks, patterns.votes @ ranks**2
        within = 2 * (sizes * second - first**2) / (sizes - 1)
        observed = np.einsum("rp,pr->r", weights, within)
        means, squares = (marginals * ranks).sum(axis=0), (marginals * ranks**2).sum(axis=0)
        return _one_minus_ratio((total - 1) * observed, 2 * (total * squares - means**2), total**2)

    return alpha


def _one_minus_ratio(observed: Floats, expected: Floats, scale: Floats) -> Floats:
    """1 - observed / expected; NaN where nothing but rounding is expected."""
    defined = expected > 1e-12 * scale
    # The ordinal and interval sums are differences of large numbers: rounding must not make alpha exceed 1.
    return np.where(defined, 1 - np.maximum(observed, 0) / np.where(defined, expected, 1.0), np.nan)
