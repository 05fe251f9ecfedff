"""How sure a figure is: Wilson's interval for a share of counted things, the bootstrap for everything else."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from labelmill_anonymization.evaluation.counts import Counts

Floats = NDArray[np.float64]
Figure = Callable[[Floats], Floats]
"""From totals (..., columns) to a figure of each, NaN where it is undefined."""
_AT_ONCE = 64  # resamples; bounds the memory
FEWEST_DOCUMENTS = 10
"""With fewer, the bootstrap's intervals are far too narrow to be given."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval; None where it is undefined, such as precision when nothing was found."""

    value: float | None
    low: float | None = None
    high: float | None = None


def share(part: int, whole: int, confidence: float) -> Estimate:
    """`part` of `whole`, with the score interval of Wilson (1927)."""
    if whole == 0:
        return Estimate(None)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    p, z2 = part / whole, z * z
    centre = (p + z2 / (2 * whole)) / (1 + z2 / whole)
    half = z / (1 + z2 / whole) * math.sqrt(p * (1 - p) / whole + z2 / (4 * whole * whole))
    # The ends are 0 and 1 by the formula where nothing or everything counts; rounding must not say otherwise.
    return Estimate(p, 0.0 if part == 0 else centre - half, 1.0 if part == whole else centre + half)


def resampled_totals(counts: Counts, resamples: int, seed: int) -> Floats:
    """Totals of samples drawn from the documents with replacement: (resamples, rows, columns).

    Whole documents are drawn, because what is in one of them is not independent (cluster bootstrap). Equal seeds draw
    equal documents, so that two policies on one sample can be compared draw by draw. No resamples of too few documents.
    """
    documents = len(counts)
    if documents < FEWEST_DOCUMENTS:
        return np.empty((0, *counts.shape[1:]))
    flat = counts.reshape(documents, -1).astype(np.float64)
    draw = np.random.default_rng(seed)
    even = np.full(documents, 1 / documents)
    parts = []
    for start in range(0, resamples, _AT_ONCE):
        times_drawn = draw.multinomial(documents, even, size=min(_AT_ONCE, resamples - start))
        parts.append(times_drawn.astype(np.float64) @ flat)
    return np.concatenate(parts).reshape(resamples, *counts.shape[1:])


def bootstrap(figure: Figure, totals: Floats, resampled: Floats, confidence: float) -> Estimate:
    """A figure of `totals` (columns) with the percentile interval over `resampled` (resamples, columns).

    Where every resample gives the same figure (nothing leaks in any document, or there is one document) the bootstrap
    has nothing to say, which is not certainty: there is no interval.
    """
    estimate = percentiles(float(figure(totals)), figure(resampled), confidence)
    return Estimate(estimate.value) if estimate.low == estimate.high else estimate


def percentiles(value: float, replicates: Floats, confidence: float) -> Estimate:
    """A value with the percentile interval of its replicates; those in which it is undefined are left out."""
    if math.isnan(value):
        return Estimate(None)
    defined = replicates[~np.isnan(replicates)]
    if not len(defined):
        return Estimate(value)
    low, high = np.quantile(defined, (0.5 - confidence / 2, 0.5 + confidence / 2))
    return Estimate(value, float(low), float(high))
