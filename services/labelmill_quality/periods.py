"""Agreement over time. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.agreement.breakdown import by_window
from labelmill_quality.agreement.coefficients import Question
from labelmill_quality.agreement.krippendorff import Metric
from labelmill_quality.estimate import Estimate
from labelmill_quality.labels import LabelTable

DAY_MS = 24 * 3600 * 1000
_MAX_DAYS = 100


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time: start included, end not, in ms since 1970."""

    start_ms: int
    end_ms: int
    label_count: int
    alpha: Estimate


def latest_answers(table: LabelTable, items: Sequence[str], times_ms: Sequence[int]) -> npt.NDArray[np.int64]:
    """(items): when the last answer about each item of a table was given.

    Args:
        table: The labels.
        items: The item of each row that the table was made from.
        times_ms: When each was given.
    """
    latest: dict[str, int] = {}
    for item, time_ms in zip(items, times_ms, strict=True):
        latest[item] = max(time_ms, latest.get(item, 0))
    return np.array([latest[item] for item in table.items], np.int64)


def width_ms(latest_ms: npt.NDArray[np.int64]) -> int:
    """How long periods are: a day, or seven where there would be too many."""
    return DAY_MS if np.ptp(latest_ms) <= _MAX_DAYS * DAY_MS else 7 * DAY_MS


def over_time(
    table: LabelTable, latest_ms: npt.NDArray[np.int64], metric: Metric, *, replicates: int, seed: int
) -> list[Period]:
    """Alpha of the items of each period; an item belongs to that of its last label, with all its labels."""
    question = Question(metric=metric, replicates=replicates, seed=seed)
    return [
        Period(window.start_ms, window.end_ms, window.label_count, window.estimates[0])
        for window in by_window(table, latest_ms, question, width_ms(latest_ms))
    ]
