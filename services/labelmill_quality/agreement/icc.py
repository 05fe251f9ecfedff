"""Intraclass correlations of ratings, by the analysis of variance. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt
from scipy.special import fdtri

from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import LEVEL
from labelmill_quality.labels import LabelTable

Floats = npt.NDArray[np.float64]

TOO_FEW = "fewer than two items were rated by all of at least two labelers"
TOO_FEW_ONE_WAY = "fewer than two items have the same number of ratings, two or more"
NO_ITEM_VARIANCE = "all items have the same mean, so there is no variance between items to explain"
NO_VARIANCE = "all ratings are equal, so there is no variance to explain"
F_INTERVAL = "f_distribution"
_ROUNDING = 1e-24
"""Mean squares of ratings of size 1 that are rounding only."""


class Form(Enum):
    """Which question is asked: (model, unit), named as P. E. Shrout and J. L. Fleiss do."""

    ICC_1_1 = "icc_1_1"
    """One rating; every item may have labelers of its own."""
    ICC_2_1 = "icc_2_1"
    """One rating of labelers drawn from many: their biases count as disagreement."""
    ICC_3_1 = "icc_3_1"
    """One rating of just these labelers: their biases do not count."""
    ICC_1_K = "icc_1_k"
    """The mean of the ratings of an item, as (1, 1)."""
    ICC_2_K = "icc_2_k"
    """The mean, as (2, 1)."""
    ICC_3_K = "icc_3_k"
    """The mean, as (3, 1): Cronbach's alpha."""


ONE_WAY = (Form.ICC_1_1, Form.ICC_1_K)


@dataclass(frozen=True)
class _Squares:
    """Mean squares of an (items, labelers) table of ratings."""

    items: int
    labelers: int
    rows: float
    columns: float
    error: float
    within: float

    @property
    def error_freedom(self) -> int:
        return (self.items - 1) * (self.labelers - 1)


def intraclass_correlation(table: LabelTable, values: Floats, form: Form, level: float = LEVEL) -> Estimate:
    """An intraclass correlation with its interval from the F distribution.

    From the mean squares of items (R), labelers (C), residual (E) and within items (W), n items and k ratings each:

        ICC(1,1) = (R - W) / (R + (k - 1) W)                       ICC(1,k) = (R - W) / R
        ICC(2,1) = (R - E) / (R + (k - 1) E + k (C - E) / n)       ICC(2,k) = (R - E) / (R + (C - E) / n)
        ICC(3,1) = (R - E) / (R + (k - 1) E)                       ICC(3,k) = (R - E) / R

    (P. E. Shrout and J. L. Fleiss, Intraclass Correlations, Psychological Bulletin 86, 1979; intervals also in
    K. O. McGraw and S. P. Wong, Psychological Methods 1, 1996.)

    Missing answers: (2, .) and (3, .) take the items that all labelers with answers rated; (1, .) takes the items with
    the number of ratings that gives the most of them. `n` says how many items that are.

    Args:
        table: The ratings.
        values: (classes): the number that each class is.
        form: Which one.
        level: Of the interval.
    """
    ratings = _one_way(table, values) if form in ONE_WAY else _complete(table, values)
    items, labelers = ratings.shape
    if items < 2 or labelers < 2:
        reason = TOO_FEW_ONE_WAY if form in ONE_WAY else TOO_FEW
        return Estimate.undefined(reason, method=form.value, interval_method=F_INTERVAL, n=items, level=level)
    if ratings.min() == ratings.max():
        return Estimate.undefined(NO_VARIANCE, method=form.value, interval_method=F_INTERVAL, n=items, level=level)
    squares = _mean_squares(ratings)
    if form in (Form.ICC_1_K, Form.ICC_2_K, Form.ICC_3_K) and squares.rows <= _ROUNDING:
        return Estimate.undefined(NO_ITEM_VARIANCE, method=form.value, interval_method=F_INTERVAL, n=items, level=level)
    value = _value(squares, form)
    lower, upper = _interval(squares, form, value, level)
    return Estimate(value, lower, upper, level, form.value, F_INTERVAL, items)


def _complete(table: LabelTable, values: Floats) -> Floats:
    """(items, labelers) of the items that every labeler with answers rated."""
    labelers = len(np.unique(table.labeler_codes))
    taken = table.labels_per_item == labelers
    # The rows are ordered by item, then labeler: of full items they are the table already.
    return np.asarray(values[table.class_codes[taken[table.item_codes]]].reshape(-1, max(labelers, 1)))


def _one_way(table: LabelTable, values: Floats) -> Floats:
    """(items, ratings) of the items with the same number of ratings; the number that gives most ratings."""
    frequency = np.bincount(table.labels_per_item)
    ratings = frequency * np.arange(len(frequency)) * (np.arange(len(frequency)) >= 2)
    size = int(ratings.argmax()) if len(ratings) else 0
    if size < 2:
        return np.empty((0, 2))
    taken = table.labels_per_item == size
    return np.asarray(values[table.class_codes[taken[table.item_codes]]].reshape(-1, size))


def _mean_squares(ratings: Floats) -> _Squares:
    items, labelers = ratings.shape
    centred = ratings / np.abs(ratings).max()  # no unit; huge ratings must not overflow when squared
    centred = centred - centred.mean()
    item_means, labeler_means = centred.mean(axis=1), centred.mean(axis=0)
    residuals = centred - item_means[:, None] - labeler_means
    within = ((centred - item_means[:, None]) ** 2).sum()
    return _Squares(
        items,
        labelers,
        rows=float(labelers * (item_means**2).sum() / (items - 1)),
        columns=float(items * (labeler_means**2).sum() / (labelers - 1)),
        error=float((residuals**2).sum() / ((items - 1) * (labelers - 1))),
        within=float(within / (items * (labelers - 1))),
    )


def _value(squares: _Squares, form: Form) -> float:
    n, k, r, c = squares.items, squares.labelers, squares.rows, squares.columns
    noise = squares.within if form in ONE_WAY else squares.error
    if form in (Form.ICC_1_1, Form.ICC_3_1):
        return (r - noise) / (r + (k - 1) * noise)
    if form is Form.ICC_2_1:
        return (r - noise) / (r + (k - 1) * noise + k * (c - noise) / n)
    if form is Form.ICC_2_K:
        return (r - noise) / (r + (c - noise) / n)
    return (r - noise) / r


def _interval(squares: _Squares, form: Form, value: float, level: float) -> tuple[float | None, float | None]:
    noise = squares.within if form in ONE_WAY else squares.error
    if noise <= 1e-12 * max(squares.rows, squares.columns):
        return None, None  # no error was seen, so there is nothing to tell its size from
    if form in (Form.ICC_2_1, Form.ICC_2_K):
        return _two_way_random(squares, form, level)
    k, tail = squares.labelers, (1 + level) / 2
    freedom = squares.items * (k - 1) if form in ONE_WAY else squares.error_freedom
    ratio = squares.rows / noise
    low = ratio / float(fdtri(squares.items - 1, freedom, tail))
    high = ratio * float(fdtri(freedom, squares.items - 1, tail))
    if form in (Form.ICC_1_1, Form.ICC_3_1):
        return (low - 1) / (low + k - 1), (high - 1) / (high + k - 1)
    return 1 - 1 / low if low > 0 else None, 1 - 1 / high if high > 0 else None


def _two_way_random(squares: _Squares, form: Form, level: float) -> tuple[float, float]:
    """Satterthwaite's degrees of freedom, as Shrout and Fleiss have them."""
    n, k, r, error = squares.items, squares.labelers, squares.rows, squares.error
    value, tail, f = _value(squares, Form.ICC_2_1), (1 + level) / 2, squares.columns / error
    a = k * value * f + n * (1 + (k - 1) * value) - k * value
    b = (n - 1) * k**2 * value**2 * f**2 + (n * (1 + (k - 1) * value) - k * value) ** 2
    freedom = squares.error_freedom * a**2 / b
    scale = k * squares.columns + (k * n - k - n) * error
    high_f, low_f = float(fdtri(n - 1, freedom, tail)), float(fdtri(freedom, n - 1, tail))
    low = n * (r - high_f * error) / (high_f * scale + n * r)
    high = n * (low_f * r - error) / (scale + n * low_f * r)
    if form is Form.ICC_2_1:
        return low, high
    return low * k / (1 + low * (k - 1)), high * k / (1 + high * (k - 1))
