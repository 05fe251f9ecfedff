"""What every way of aggregating numbers returns. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from labelmill_quality.intervals import LEVEL
from labelmill_quality.numeric.table import Counts, Floats, NumberTable


@dataclass(frozen=True)
class LabelerNumbers:
    """How each labeler's answers differ from the consensus, one entry a labeler."""

    bias: Floats
    """What the labeler adds where the truth is `middle`, in units of the answers."""
    bias_error: Floats
    """Standard error of the bias."""
    gain: Floats
    """How far the labeler's answers move when the truth moves by 1: below 1 for those who stay near the middle."""
    deviation: Floats
    """Standard deviation of the answers after bias and gain."""
    middle: float
    """The mean of all answers."""


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


def student_interval(
    centres: Floats, errors: Floats, degrees: Floats | Counts, level: float = LEVEL
) -> tuple[Floats, Floats]:
    """The interval centre ± t error, t being Student's quantile; NaN where the degrees of freedom are below 1."""
    kinds, where = np.unique(np.round(degrees, 2), return_inverse=True)  # quantiles are costly, and many are the same
    quantiles = np.where(kinds >= 1, student.ppf((1 + level) / 2, np.maximum(kinds, 1)), np.nan)[where]
    return centres - quantiles * errors, centres + quantiles * errors


def spreads(table: NumberTable, centres: Floats) -> Floats:
    """Standard deviation of each item's answers around a centre; NaN for a single answer."""
    squares = table.sums((table.values - centres[table.item_codes]) ** 2)
    degrees = table.counts - 1.0
    variances: Floats = np.divide(squares, degrees, out=np.full(len(squares), np.nan), where=degrees > 0)
    return np.sqrt(variances)
