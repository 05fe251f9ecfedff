"""Krippendorff's alpha of annotated lines: every point is a unit, what nothing covers a value of its own. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import LEVEL, percentile_interval, resampling_weights

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

NO_LINES = "no item was seen by two labelers"
ONE_VALUE = "all labelers say the same everywhere and only one thing, so there is no chance agreement to correct for"
_SALT = 20_160_101


@dataclass(frozen=True)
class Lines:
    """Stretches of lines, one line an item, and who saw it."""

    stretch_items: Integers
    stretch_labelers: Integers
    """(stretches,): the place of the labeler among those who saw the item, counted from 0."""
    stretch_classes: Integers
    starts: Floats
    ends: Floats
    """(stretches,): end exclusive; in any order; those of one labeler may overlap."""
    lengths: Floats
    """(items,): of the whole line; at least the last end."""
    viewers: Integers
    """(items,): how many labelers saw it."""
    class_count: int


def line_alpha(
    lines: Lines, *, classes: bool = True, replicates: int = 1000, seed: int = 0, level: float = LEVEL
) -> tuple[Estimate, float]:
    """Krippendorff's nominal alpha with every point of the lines as a unit, and how many points there are.

    A labeler's value at a point is the set of classes that it annotated there; nothing is a value, too. With m_u
    labelers of line u, n = sum_u m_u L_u, l_uc the length of the line u that labelers give the value c in sum, and s(x)
    the ordered pairs of labelers who agree at point x:

        D_o = 1/n  sum_u  integral over u of (m_u (m_u - 1) - s(x)) / (m_u - 1) dx
        D_e = (n² - sum_c l_c²) / n (n - 1)

    which is alpha (Krippendorff, Content Analysis, 2004) over the points of all lines, a point being one code point or
    one millisecond. (Krippendorff, Mathet and others, Quality & Quantity 50, 2016, treat unitizing at length.) The work
    is in the boundaries of stretches, not in the points.

    Args:
        lines: What was marked.
        classes: False: only whether something covers the point.
        replicates: Of the bootstrap over lines.
        seed: Of the bootstrap.
        level: Of the interval.
    """
    method = "krippendorff_alpha_line" if classes else "krippendorff_alpha_line_covered"
    interval_method = f"bootstrap_items_{replicates}"
    kept = lines.viewers >= 2
    count = int(kept.sum())
    undefined = Estimate.undefined
    if count == 0:
        return undefined(NO_LINES, method=method, interval_method=interval_method, level=level), 0.0
    observed, marginals = _totals(lines, classes=classes)
    observed, marginals = observed[kept], marginals[kept]
    totals = (lines.lengths * lines.viewers)[kept]
    points = float(lines.lengths[kept].sum())
    value = float(_alpha(np.ones((1, count)), observed, marginals, totals)[0])
    if not np.isfinite(value):
        return undefined(ONE_VALUE, method=method, interval_method=interval_method, n=count, level=level), points
    if count < 2:
        return Estimate(value, None, None, level, method, interval_method, count), points
    weights = resampling_weights(np.ones(count, np.int64), replicates, seed, marginals.shape[1])
    drawn = np.concatenate([_alpha(chunk, observed, marginals, totals) for chunk in weights])
    lower, upper = percentile_interval(value, drawn, level)
    return Estimate(value, lower, upper, level, method, interval_method, count), points


def _totals(lines: Lines, *, classes: bool) -> tuple[Floats, sparse.csr_matrix]:
    """(items,): the disagreement; (items, values): the length that labelers give each value."""
    from labelmill_quality.agreement import sweep

    kinds = lines.stretch_classes if classes else np.zeros_like(lines.stretch_classes)
    kind_count = max(1, lines.class_count if classes else 1)
    item = np.concatenate([lines.stretch_items, lines.stretch_items])
    place = np.concatenate([lines.starts, lines.ends])
    order = np.lexsort((place, item))
    step = np.repeat(np.array([1, -1]), len(lines.starts))
    starts = np.searchsorted(item[order], np.arange(len(lines.lengths) + 1)).astype(np.int64)
    keys = np.random.default_rng(_SALT).integers(1, 2**62, kind_count, dtype=np.int64)
    observed, row_items, row_keys, row_lengths = sweep.sweep(
        starts,
        place[order],
        np.tile(lines.stretch_labelers, 2)[order],
        np.tile(kinds, 2)[order],
        step[order],
        lines.lengths,
        lines.viewers,
        keys,
    )
    values, codes = np.unique(row_keys, return_inverse=True)
    shape = (len(lines.lengths), len(values))
    return observed, sparse.csr_matrix((row_lengths, (row_items, codes)), shape=shape)


def _alpha(weights: Floats, observed: Floats, marginals: sparse.csr_matrix, totals: Floats) -> Floats:
    total = weights @ totals
    shares = np.asarray(marginals.T @ weights.T).T / total[:, None]
    expected = (1 - (shares**2).sum(axis=1)) * total / np.maximum(total - 1, 1)
    defined = expected > 1e-12
    return np.where(defined, 1 - weights @ observed / total / np.where(defined, expected, 1.0), np.nan)
