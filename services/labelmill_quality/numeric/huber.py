"""Huber's estimate: a mean on which a far-off answer pulls only so hard. Pure."""

from __future__ import annotations

import numpy as np

from labelmill_quality.numeric.consensus import NumericConsensus, student_interval
from labelmill_quality.numeric.table import Floats, NumberTable

NAME = "huber"
VERSION = "1"
CUT = 1.345
"""Scales away from the centre where the pull stops growing: 95 % as efficient as the mean on normal answers."""
ROUNDS = 50
TOLERANCE = 1e-6
"""Of the scale: converged when no centre moves by more."""
_MAD_TO_DEVIATION = 1.4826


def fit(table: NumberTable, _gold: Floats | None = None) -> NumericConsensus:
    """Huber's M-estimate of each item's centre, by reweighting from the median.

    Weights are w = min(1, 1.345 s / |y - m|), m = sum w y / sum w until nothing moves; the scale s is the median
    absolute deviation times 1.4826. Where more than half of the answers are equal, s = 0 and the centre is the median.
    The interval is Student's with the error of M-estimates, s² sum psi² / (sum psi')² x n / (n - 1).
    (P. J. Huber, Annals of Mathematical Statistics 35, 1964.)
    """
    counts, items = table.counts, table.item_codes
    centres = _medians(table, table.ordered)
    scale = _MAD_TO_DEVIATION * _deviations(table, centres)
    room = CUT * scale[items]
    moved, rounds = np.inf, 0
    while moved > TOLERANCE and rounds < ROUNDS:
        rounds += 1
        distance = np.abs(table.values - centres[items])
        # With no scale only the answers at the centre keep a weight.
        far = distance > room
        weights = np.divide(room, distance, where=far, out=np.ones_like(room))
        found = table.sums(weights * table.values) / table.sums(weights)
        moved = float(np.max(np.abs(found - centres) / np.where(scale > 0, scale, 1.0), initial=0.0))
        centres = found
    pull = np.clip(table.values - centres[items], -room, room)
    inside = table.sums((np.abs(table.values - centres[items]) <= room).astype(np.float64))
    enough = (counts > 1) & (inside > 0) & (scale > 0)
    squares = table.sums(pull**2) * counts / np.where(counts > 1, counts - 1, 1)
    errors = np.where(enough, np.sqrt(squares) / np.where(enough, inside, 1.0), np.nan)
    lower, upper = student_interval(centres, errors, counts - 1)
    return NumericConsensus(
        centres, lower, upper, NAME, VERSION, "huber_student_t",
        "one answer, or more than half of them equal: no scale", iterations=rounds, converged=moved <= TOLERANCE,
    )  # fmt: skip


def _medians(table: NumberTable, ordered: Floats) -> Floats:
    starts, counts = table.starts[:-1], table.counts
    middle: Floats = (ordered[starts + (counts - 1) // 2] + ordered[starts + counts // 2]) / 2
    return middle


def _deviations(table: NumberTable, centres: Floats) -> Floats:
    distance = np.abs(table.values - centres[table.item_codes])
    return _medians(table, distance[np.lexsort((distance, table.item_codes))])
