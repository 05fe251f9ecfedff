"""Krippendorff's alpha: agreement of any number of labelers, answers missing or not, corrected for chance. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt
from scipy import sparse

from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import LEVEL, percentile_interval, resampling_weights

Floats = npt.NDArray[np.float64]

NO_PAIRS = "no item has labels of two labelers"
ONE_VALUE = "only one class occurs, so there is no chance agreement to correct for"
_HASH_SEED = 20_040_101


class Metric(Enum):
    """How far apart two values are."""

    NOMINAL = "nominal"
    ORDINAL = "ordinal"
    INTERVAL = "interval"


@dataclass(frozen=True)
class _Patterns:
    """Items with the same votes are one pattern: what they contribute is the same, and there are far fewer of them."""

    votes: sparse.csr_matrix  # (patterns, values)
    sizes: Floats  # labels per item
    multiplicities: npt.NDArray[np.int64]


def krippendorff_alpha(
    votes: sparse.csr_matrix,
    metric: Metric = Metric.NOMINAL,
    *,
    values: Floats | None = None,
    replicates: int = 1000,
    seed: int = 0,
    level: float = LEVEL,
) -> Estimate:
    """Krippendorff's alpha with a percentile bootstrap interval over items.

    With n_uc labelers who gave item u the value c, m_u = sum_c n_uc, n_c = sum_u n_uc and n = sum_c n_c, over the items
    with m_u >= 2 (an item with one label says nothing about agreement and is dropped):

        alpha = 1 - D_o / D_e
        D_o = 1/n     sum_u sum_ck n_uc (n_uk - [c = k]) d²(c, k) / (m_u - 1)
        D_e = 1/n(n-1)      sum_ck n_c n_k d²(c, k)          (d(c, c) = 0)

    d² is [c != k] (nominal), (v_c - v_k)² (interval), (r_c - r_k)² with the mid-ranks r_c = sum_{g<c} n_g + n_c/2
    (ordinal; equal to Krippendorff's (sum_{g=c..k} n_g - (n_c + n_k)/2)²). A replicate draws items with replacement and
    computes everything anew, the marginals and mid-ranks included.

    Alpha is undefined, not 0 and not 1, when only one value occurs: D_e is 0.
    (K. Krippendorff, Content Analysis, 2004.)

    Args:
        votes: (items, values) counts, values in their order.
        metric: The distance.
        values: The numbers that the columns stand for; for INTERVAL only.
        replicates: Of the bootstrap.
        seed: Of the bootstrap.
        level: Of the interval.
    """
    method, interval_method = f"krippendorff_alpha_{metric.value}", f"bootstrap_items_{replicates}"
    patterns = _patterns(votes)
    items = int(patterns.multiplicities.sum())
    if items == 0 or _distinct(patterns, values) < 2:
        reason = NO_PAIRS if items == 0 else ONE_VALUE
        return Estimate.undefined(reason, method=method, interval_method=interval_method, n=items, level=level)
    statistic = _statistic(patterns, metric, values)
    value = float(statistic(patterns.multiplicities[None, :].astype(np.float64))[0])
    if items < 2:  # every replicate would be the same item: no interval can come of it
        return Estimate(value, None, None, level, method, interval_method, items)
    weights = resampling_weights(patterns.multiplicities, replicates, seed, votes.shape[1])
    lower, upper = percentile_interval(value, np.concatenate([statistic(chunk) for chunk in weights]), level)
    return Estimate(value, lower, upper, level, method, interval_method, items)


def _distinct(patterns: _Patterns, values: Floats | None) -> int:
    used = np.asarray(patterns.votes.sum(axis=0)).ravel() > 0
    return int(used.sum()) if values is None else len(np.unique(values[used]))


def _patterns(votes: sparse.csr_matrix) -> _Patterns:
    votes = sparse.csr_matrix(votes, dtype=np.float64)
    sizes = np.asarray(votes.sum(axis=1)).ravel()
    votes, sizes = votes[sizes >= 2], sizes[sizes >= 2]
    # Rows are told apart by a 64-bit linear hash in exact arithmetic: at 10^5 rows, one run in 10^9 sees a collision.
    salts = np.random.default_rng(_HASH_SEED).integers(0, 2**63, size=votes.shape[1], dtype=np.uint64)
    hashed = sparse.csr_matrix((votes.data.astype(np.uint64), votes.indices, votes.indptr), shape=votes.shape) @ salts
    _, first, multiplicities = np.unique(hashed, return_index=True, return_counts=True)
    return _Patterns(votes[first], sizes[first], multiplicities.astype(np.int64))


def _statistic(patterns: _Patterns, metric: Metric, values: Floats | None) -> Callable[[Floats], Floats]:
    if metric is Metric.NOMINAL:
        return _nominal(patterns)
    if metric is Metric.ORDINAL:
        return _ordinal(patterns)
    if values is None:
        raise ValueError("the interval metric needs the numbers that the columns stand for")
    return _interval(patterns, values)


def _nominal(patterns: _Patterns) -> Callable[[Floats], Floats]:
    sizes = patterns.sizes
    squares = np.asarray(patterns.votes.multiply(patterns.votes).sum(axis=1)).ravel()
    disagreement = (sizes**2 - squares) / (sizes - 1)
    transposed = patterns.votes.T.tocsr()

    def alpha(weights: Floats) -> Floats:
        total = weights @ sizes
        marginals = transposed @ weights.T
        return _one_minus_ratio((total - 1) * (weights @ disagreement), total**2 - (marginals**2).sum(axis=0), total**2)

    return alpha


def _interval(patterns: _Patterns, values: Floats) -> Callable[[Floats], Floats]:
    sizes = patterns.sizes
    used = np.asarray(patterns.votes.sum(axis=0)).ravel() > 0
    low, high = values[used].min(), values[used].max()
    half_range = high / 2 - low / 2  # halves, because the difference of two floats may be too large for one
    scaled = np.where(used, (values / 2 - low / 2) / half_range - 0.5, 0.0)  # alpha has no origin and no unit
    first, second = patterns.votes @ scaled, patterns.votes @ scaled**2
    disagreement = 2 * (sizes * second - first**2) / (sizes - 1)

    def alpha(weights: Floats) -> Floats:
        total = weights @ sizes
        expected = 2 * (total * (weights @ second) - (weights @ first) ** 2)
        return _one_minus_ratio((total - 1) * (weights @ disagreement), expected, total**2)

    return alpha


def _ordinal(patterns: _Patterns) -> Callable[[Floats], Floats]:
    sizes = patterns.sizes[:, None]
    transposed = patterns.votes.T.tocsr()

    def alpha(weights: Floats) -> Floats:
        total = weights @ patterns.sizes
        marginals = transposed @ weights.T  # (values, replicates)
        ranks = (np.cumsum(marginals, axis=0) - marginals / 2) / total - 0.5
        first, second = patterns.votes @ ranks, patterns.votes @ ranks**2
        disagreement = 2 * (sizes * second - first**2) / (sizes - 1)
        observed = np.einsum("rp,pr->r", weights, disagreement)
        means, squares = (marginals * ranks).sum(axis=0), (marginals * ranks**2).sum(axis=0)
        return _one_minus_ratio((total - 1) * observed, 2 * (total * squares - means**2), total**2)

    return alpha


def _one_minus_ratio(observed: Floats, expected: Floats, scale: Floats) -> Floats:
    """1 - observed / expected; NaN where nothing but rounding is expected."""
    defined = expected > 1e-12 * scale
    # The ordinal and interval sums are differences of large numbers: rounding must not make alpha exceed 1.
    return np.where(defined, 1 - np.maximum(observed, 0) / np.where(defined, expected, 1.0), np.nan)
