"""Who answers suspiciously fast, and how often. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import proportion
from labelmill_quality.labelers.reference import References
from labelmill_quality.labels import Codes

Floats = npt.NDArray[np.float64]

NO_TIMES = "no answer says how long it took"
NO_FAST = "no fast answer can be compared"
NO_SPREAD = "most labelers take equally long"
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


def time_scores(references: References, milliseconds: Floats, task_types: Codes | None = None) -> list[TimeScores]:
    """The scores of each labeler.

    Times are taken as logarithms, less the median of their task type and over its robust standard deviation (from the
    median absolute deviation): a coffee break must not make everything else look fast, nor a hard kind of task its
    labelers slow. An answer is hurried where that is below -2.

    Args:
        references: What the answers are compared with.
        milliseconds: (labels): how long each took; NaN where that is not known.
        task_types: (labels): codes of kinds of tasks; None: all of one kind.
    """
    table = references.table
    timed = np.isfinite(milliseconds)
    relative = _relative(milliseconds, np.zeros(len(table), np.int32) if task_types is None else task_types)
    hurried = timed & (relative < HURRIED_Z)
    limit = np.quantile(relative[timed], FAST_QUANTILE) if timed.any() else 0.0
    fastest = timed & (relative <= limit)
    rows_of = [np.flatnonzero(timed & (table.labeler_codes == code)) for code in range(len(table.labelers))]
    medians = np.array([np.median(relative[rows]) if len(rows) else np.nan for rows in rows_of])
    z, reasons = _labeler_z(medians, np.array([len(rows) for rows in rows_of]))
    scores = []
    for rows, own, reason in zip(rows_of, z, reasons, strict=True):
        compared = rows[references.known[rows]]
        scores.append(
            TimeScores(
                len(rows),
                float(np.median(milliseconds[rows])) if len(rows) else None,
                None if reason else float(own),
                reason,
                proportion(int(fastest[rows].sum()), len(rows), "share_of_fastest_hundredth", NO_TIMES),
                _disagreement(references, compared[hurried[compared]], "hurried_disagreement"),
                _disagreement(references, compared[~hurried[compared]], "unhurried_disagreement"),
            )
        )
    return scores


def _relative(milliseconds: Floats, task_types: Codes) -> Floats:
    """(labels): robust z of the log time within its task type; 0 where that has no spread, NaN without a time."""
    timed = np.isfinite(milliseconds)
    logs = np.log(np.maximum(milliseconds, 1.0))
    relative = np.full(len(milliseconds), np.nan)
    for kind in np.unique(task_types[timed]):
        rows = timed & (task_types == kind)
        centre, spread = _robust(logs[rows])
        relative[rows] = (logs[rows] - centre) / spread if spread > 0 else 0.0
    return relative


def _labeler_z(medians: Floats, counts: npt.NDArray[np.int64]) -> tuple[Floats, list[str]]:
    """(labelers): robust z of their medians among those with enough answers, and why there is none."""
    steady = counts >= _MIN_ANSWERS
    if steady.sum() < _MIN_LABELERS:
        return medians, [TOO_FEW_LABELERS if count else NO_TIMES for count in counts]
    centre, spread = _robust(medians[steady])
    if spread == 0:
        return medians, [NO_SPREAD if count else NO_TIMES for count in counts]
    return (medians - centre) / spread, ["" if count else NO_TIMES for count in counts]


def _disagreement(references: References, rows: npt.NDArray[np.intp], method: str) -> Estimate:
    return proportion(int((~references.right[rows]).sum()), len(rows), method, NO_FAST)


def _robust(values: Floats) -> tuple[float, float]:
    """Median, and median absolute deviation as a standard deviation."""
    if not len(values):
        return 0.0, 0.0
    centre = float(np.median(values))
    return centre, _TO_SIGMA * float(np.median(np.abs(values - centre)))
