"""What every way of aggregating numbers returns. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri, ndtri, stdtrit

from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import LEVEL
from labelmill_quality.numeric.table import Counts, Floats, NumberTable


@dataclass(frozen=True)
class LabelerNumbers:
    """How each labeler's answers differ from the consensus, one entry a labeler."""

    counts: Counts
    """Answers given."""
    bias: Floats
    """What the labeler adds where the truth is the mean of all answers, in units of the answers."""
    bias_error: Floats
    """Standard error of the bias."""
    gain: Floats
    """How far the labeler's answers move when the truth moves by 1: below 1 for those who stay near the middle."""
    gain_error: Floats
    """Standard error of the gain."""
    deviation: Floats
    """Standard deviation of the answers after bias and gain."""
    degrees: Floats
    """Degrees of freedom of the deviation."""

    def estimates(self) -> Iterator[tuple[Estimate, Estimate, Estimate]]:
        """Bias, gain and deviation of each labeler, with intervals by the normal and the chi-squared distribution."""
        tail, z = (1 - LEVEL) / 2, float(ndtri((1 + LEVEL) / 2))
        narrow, wide = (np.sqrt(self.degrees / chdtri(self.degrees, share)) for share in (tail, 1 - tail))
        for place, count in enumerate(self.counts.tolist()):
            bias, gain, deviation = (float(each[place]) for each in (self.bias, self.gain, self.deviation))
            bias_room, gain_room = (z * float(each[place]) for each in (self.bias_error, self.gain_error))
            yield (
                Estimate(bias, bias - bias_room, bias + bias_room, LEVEL, "labeler_bias", "normal", count),
                Estimate(gain, gain - gain_room, gain + gain_room, LEVEL, "labeler_gain", "normal", count),
                Estimate(
                    deviation, deviation * float(narrow[place]), deviation * float(wide[place]), LEVEL,
                    "labeler_deviation", "chi_squared", count,
                ),
            )  # fmt: skip


@dataclass(frozen=True)
class NumericConsensus:
    """The inferred number of every item of a table."""

    values: Floats
    lower: Floats
    """Lower end of the interval; NaN where there is none."""
    upper: Floats
    method: str
    version: str
    interval_method: str
    no_interval_reason: str
    """Why some items may have no interval."""
    level: float = LEVEL
    iterations: int = 0
    converged: bool = True
    labelers: LabelerNumbers | None = None
    gold_count: int = 0
    """Items with gold that took part."""
    note: str = ""
    """What the reader must know about the figures."""

    def estimates(self, counts: Counts) -> Iterator[Estimate]:
        """The number of each item; where there is no interval, with the reason."""
        for value, lower, upper, count in zip(self.values, self.lower, self.upper, counts.tolist(), strict=True):
            known = bool(np.isfinite(lower))
            yield Estimate(
                float(value), float(lower) if known else None, float(upper) if known else None, self.level,
                self.method, self.interval_method, count, "" if known else self.no_interval_reason,
            )  # fmt: skip


def student_interval(
    centres: Floats, errors: Floats, degrees: Floats | Counts, level: float = LEVEL
) -> tuple[Floats, Floats]:
    """The interval centre ± t error, t being Student's quantile; NaN where the degrees of freedom are below 1."""
    kinds, where = np.unique(np.round(degrees, 2), return_inverse=True)  # quantiles are costly, and many are the same
    quantiles = np.where(kinds >= 1, stdtrit(np.maximum(kinds, 1), (1 + level) / 2), np.nan)[where]
    return centres - quantiles * errors, centres + quantiles * errors


def spreads(table: NumberTable, centres: Floats) -> Floats:
    """Standard deviation of each item's answers around a centre; NaN for a single answer."""
    squares = table.sums((table.values - centres[table.item_codes]) ** 2)
    degrees = table.counts - 1.0
    variances: Floats = np.divide(squares, degrees, out=np.full(len(squares), np.nan), where=degrees > 0)
    return np.sqrt(variances)
