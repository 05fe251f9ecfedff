"""Who answers suspiciously fast, and how often. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import proportion
from labelmill_quality.labelers.reference import References

Floats = npt.NDArray[np.float64]

NO_TIMES = "no answer says how long it took"
NO_FAST = "no fast answer can be compared"
TOO_FEW_LABELERS = "fewer than five labelers with ten timed answers"
FAST_QUANTILE = 0.01
HURRIED_Z = -2.0
_MIN_ANSWERS, _MIN_LABELERS = 10, 5
_TO_SIGMA = 1.4826
"""A median absolute deviation times this is the standard deviation, where values are normal."""


@dataclass(frozen=True)
class TimeScores:
    """About one labeler."""

    timed_count: int
    """Answers that say how long they took."""
    median_ms: float | None
    z: float | None
    """How far the median log time lies from that of most labelers, in robust standard deviations; negative is fast."""
    z_missing_reason: str
    """Why there is no z; empty where there is."""
    fastest: Estimate
    """Share of answers among the fastest hundredth of all answers: 0.01 is to be expected."""
    hurried_disagreement: Estimate
    """Share of the labeler's hurried answers that differ from their reference: what tells haste from skill."""
    unhurried_disagreement: Estimate
    """The same of the other answers."""


def time_scores(references: References, milliseconds: Floats) -> list[TimeScores]:
    """The scores of each labeler.

    Times are taken as logarithms, spread by the median absolute deviation: a coffee break must not make everything else
    look fast. An answer is hurried where its log time is more than two robust standard deviations below the median of
    all answers.

    Args:
        references: What the answers are compared with.
        milliseconds: (labels): how long each took; NaN where that is not known.
    """
    table = references.table
    timed = np.isfinite(milliseconds)
    logs = np.log(np.maximum(np.where(timed, milliseconds, 1.0), 1.0))
    centre, spread = _robust(logs[timed])
    hurried = timed & (logs < centre + HURRIED_Z * spread)
    limit = np.quantile(logs[timed], FAST_QUANTILE) if timed.any() else 0.0
    fastest = timed & (logs <= limit)
    rows_of = [
        np.flatnonzero(timed & (table.labeler_codes == code)) if timed.any() else np.empty(0, np.intp)
        for code in range(len(table.labelers))
    ]
    medians = np.array([np.median(logs[rows]) if len(rows) else np.nan for rows in rows_of])
    steady = np.array([len(rows) >= _MIN_ANSWERS for rows in rows_of], bool)
    labeler_centre, labeler_spread = _robust(medians[steady])
    enough = int(steady.sum()) >= _MIN_LABELERS
    scores = []
    for rows, median in zip(rows_of, medians, strict=True):
        z = (median - labeler_centre) / labeler_spread if enough and len(rows) and labeler_spread > 0 else None
        compared = rows[references.known[rows]]
        scores.append(
            TimeScores(
                len(rows),
                float(np.exp(median)) if len(rows) else None,
                None if z is None else float(z),
                "" if z is not None else TOO_FEW_LABELERS if len(rows) else NO_TIMES,
                proportion(int(fastest[rows].sum()), len(rows), "share_of_fastest_hundredth", NO_TIMES),
                _disagreement(references, compared[hurried[compared]], "hurried_disagreement"),
                _disagreement(references, compared[~hurried[compared]], "unhurried_disagreement"),
            )
        )
    return scores


def _disagreement(references: References, rows: npt.NDArray[np.intp], method: str) -> Estimate:
    return proportion(int((~references.right[rows]).sum()), len(rows), method, NO_FAST)


def _robust(values: Floats) -> tuple[float, float]:
    """Median, and median absolute deviation as a standard deviation."""
    if not len(values):
        return 0.0, 0.0
    centre = float(np.median(values))
    return centre, _TO_SIGMA * float(np.median(np.abs(values - centre)))
