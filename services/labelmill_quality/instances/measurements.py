"""True coordinates from coordinates that labelers gave: each labeler's bias and spread, each object's place. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

NAME = "leave_one_out_variances"
VERSION = "1"
_SHRINKAGE = 4.0
_ROUNDS = 100
_TOLERANCE = 2e-3
_DAMPING = 0.8
_MOST_EXACT = 0.1
_CLUSTERS = 15_000
_CLUSTERS_PER_LABELER = 100
_LEAST_SPREAD = 1e-6


@dataclass(frozen=True, slots=True)
class Measurements:
    """Coordinates of clusters, member after member."""

    starts: Integers
    """(clusters + 1,): where each cluster begins in the members; every cluster has at least one."""
    labelers: Integers
    """(members,)"""
    values: Floats
    """(members, coordinates)"""
    scale: Floats
    """(clusters, coordinates): the size of the object along the coordinate, above 0; ones where size cannot matter."""
    labeler_count: int
    known: Floats | None = None
    """(clusters, coordinates): the true coordinates by gold, NaN where there are none."""


@dataclass(frozen=True, slots=True)
class Located:
    """What was inferred."""

    values: Floats
    """(clusters, coordinates): the inferred coordinates."""
    spread: Floats
    """(clusters, coordinates): their standard deviation."""
    bias: Floats
    """(labelers, coordinates): how far the labeler lies from the truth on average, at an object of the typical size."""
    labeler_spread: Floats
    """(labelers, coordinates): standard deviation of the labeler about its bias, at an object of the typical size."""
    counts: Integers
    """(labelers,): members that bias and spread rest on; 0: nothing is known, the others' mean is taken."""
    exponent: float
    """Errors grow with this power of the object's size: 0 for errors of so many pixels, 1 for errors of so many
    percent."""


def locate(data: Measurements, *, weighted: bool = True) -> Located:
    """Infers coordinates, biases and spreads.

    Labeler l gives object c the coordinate

        y_lc = x_c + s_c^g (beta_l + e_lc),   e_lc with mean 0 and variance sigma_l², independently,

    with s_c the object's size. With e the deviation of a member from the mean of the others, weighted by 1 / sigma²,
    and v the variance of that mean, bias and spread of a labeler solve

        sum e / (sigma² + v) = 0,      mean of e² / (sigma² + v) = 1

    (the estimators of Grubbs, JASA 43, 1948, for any number of labelers; variances add up whatever the errors'
    distribution), by damped Newton steps. Objects with a deviation beyond 5 standard deviations are left out of it.
    Spreads are shrunk towards the geometric mean of all labelers by 4 pseudo-members, and no labeler is taken to be
    more than ten times as exact as that. With two labelers only the sum of the two variances shows: they share it. What
    all labelers share as a bias cannot be seen without gold: the median labeler is taken to have none. The exponent g
    is the slope of log |deviation| over log size, within [0, 1]. Biases and spreads are fitted on 15,000 objects, or
    100 a labeler, evenly taken, where there are more.

    Coordinates are means weighted by u / sigma²; u = (4 + d) / (4 + sum over the d coordinates of e² / (sigma² + v)),
    the weight under a t distribution with 4 degrees of freedom (Lange, Little and Taylor, JASA 84, 1989), keeps slips
    of the hand from counting.

    Args:
        data: What labelers gave.
        weighted: False: the plain mean of the members, with spreads but no biases taken off.
    """
    from labelmill_quality.instances import placing

    exponent = _exponent(data)
    unit = data.scale**exponent
    origin = data.values[data.starts[:-1]]
    values = (data.values - _repeat(origin, data.starts)) / _repeat(unit, data.starts)
    known = np.full(origin.shape, np.nan) if data.known is None else (data.known - origin) / unit
    anchored = bool(np.isfinite(known).all(axis=1).any())
    bias, variance, counts = _fit(data, values, known, anchored=anchored, biased=weighted)
    weights = variance if weighted else np.ones_like(variance)
    places, information = placing.place(data.starts, data.labelers, values, bias, weights, weighted)
    if not weighted:
        information = np.diff(data.starts)[:, None] ** 2 / np.add.reduceat(variance[data.labelers], data.starts[:-1])
    typical = np.median(unit, axis=0)
    told = 1.0 if counts.any() else np.nan  # where no object has two members, nothing tells how far they scatter
    return Located(
        origin + unit * places,
        unit / np.sqrt(information) * told,
        bias * typical,
        np.sqrt(variance) * typical * told,
        counts,
        exponent,
    )


def _fit(
    data: Measurements, values: Floats, known: Floats, *, anchored: bool, biased: bool
) -> tuple[Floats, Floats, Integers]:
    from labelmill_quality.instances import placing

    sizes = np.diff(data.starts)
    telling = _enough((sizes > 1) | np.isfinite(known).all(axis=1), data.labeler_count)
    counts = np.bincount(data.labelers[np.repeat(telling, sizes)], minlength=data.labeler_count)
    coordinates = values.shape[1]
    bias = _first_bias(data, values, known) if biased else np.zeros((data.labeler_count, coordinates))
    least = _LEAST_SPREAD**2
    if not counts.any():
        return bias, np.ones_like(bias), counts  # the spreads are not known: `locate` says so
    variance = np.full_like(bias, 1.0) * _start(data, values, telling, least)
    shown = counts > 0
    for _ in range(_ROUNDS):
        used, squares, slopes, shifts, totals = placing.learn(
            data.starts, data.labelers, values, known, telling, bias, variance
        )
        typical = np.exp((np.log(variance[shown]) * counts[shown, None]).sum(axis=0) / counts.sum())
        prior = _SHRINKAGE * typical / variance
        excess = (squares + prior) / (used + _SHRINKAGE)[:, None] - 1
        slope = np.maximum((slopes + prior) / (used + _SHRINKAGE)[:, None], 0.05)
        before, moved = variance, np.zeros_like(bias)
        variance = variance * np.exp(_DAMPING * np.clip(excess / slope, -1.5, 1.5))
        variance = np.maximum(variance, np.maximum(typical * _MOST_EXACT**2, least))
        if biased:
            fresh = bias + _DAMPING * np.where(totals > 0, shifts / np.maximum(totals, 1e-300), 0.0)
            if not anchored:
                fresh[shown] -= np.median(fresh[shown], axis=0)
            moved, bias = fresh - bias, fresh
        change = max(np.abs(variance / before - 1).max(), (np.abs(moved) / np.sqrt(variance)).max())
        if change < _TOLERANCE:
            break
    return bias, variance, counts


def _first_bias(data: Measurements, values: Floats, known: Floats) -> Floats:
    """(labelers, coordinates): the median deviation from gold; else what all share would be taken for gross errors."""
    bias = np.zeros((data.labeler_count, values.shape[1]))
    deviation = values - _repeat(known, data.starts)
    judged = np.flatnonzero(np.isfinite(deviation).all(axis=1))
    for labeler in np.unique(data.labelers[judged]).tolist():
        bias[labeler] = np.median(deviation[judged[data.labelers[judged] == labeler]], axis=0)
    return bias


def _enough(telling: Flags, labeler_count: int) -> Flags:
    """Every so manieth cluster where there are more than figures of two digits need."""
    rows = np.flatnonzero(telling)
    step = max(1, len(rows) // max(_CLUSTERS, _CLUSTERS_PER_LABELER * labeler_count))
    chosen = np.zeros_like(telling)
    chosen[rows[::step]] = True
    return chosen


def _start(data: Measurements, values: Floats, telling: Flags, least: float) -> Floats:
    """(coordinates,): the variance of members about the mean of their cluster's members, robustly."""
    sizes = np.diff(data.starts)
    mean = np.add.reduceat(values, data.starts[:-1], axis=0) / sizes[:, None]
    inside = np.repeat(telling, sizes)
    deviation = np.abs(values - _repeat(mean, data.starts))[inside]
    spread = np.sqrt((deviation**2).mean(axis=0))
    robust = np.median(deviation, axis=0) / 0.6745
    start: Floats = np.maximum(np.where(robust > 0, np.minimum(robust, spread), spread) ** 2, least)
    return start


def _exponent(data: Measurements) -> float:
    sizes = np.diff(data.starts)
    if not (sizes > 1).any():
        return 0.0
    mean = np.add.reduceat(data.values, data.starts[:-1], axis=0) / sizes[:, None]
    square = np.add.reduceat((data.values - _repeat(mean, data.starts)) ** 2, data.starts[:-1], axis=0)
    deviation, size = np.sqrt(square[sizes > 1]).ravel(), data.scale[sizes > 1].ravel()
    used = deviation > _LEAST_SPREAD * size
    if used.sum() < 30:  # too few for a slope: errors of so many pixels
        return 0.0
    across, up = np.log(size[used]), np.log(deviation[used])
    across = across - across.mean()
    square_sum = float(across @ across)
    return float(np.clip(across @ up / square_sum, 0.0, 1.0)) if square_sum > 1e-9 * len(across) else 0.0


def _repeat(rows: Floats, starts: Integers) -> Floats:
    repeated: Floats = np.repeat(rows, np.diff(starts), axis=0)
    return repeated
