"""Whether a labeler got worse: a one-sided cumulative sum with a run length by design. Pure.

The observation is the share x of an item's annotations that are right. With mean m and deviation s of a baseline,

    C_t = max(0, C_{t-1} + (m - x_t) / s - k)

is kept, and alarms when it exceeds h (E. S. Page, Biometrika 41, 1954; tabular form as in D. C. Montgomery, Statistical
Quality Control).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from labelmill_quality.benchmark.judgement import Judgement, Outcome
from labelmill_quality.benchmark.rules import DriftDesign

_FINE = 10
"""Cells of the step that a right item makes, ..."""
_COARSE_RATIO = 20.0
"""... unless a wrong one makes a step that many times as long."""
_MOST_CELLS = 2048


@dataclass(frozen=True)
class Chart:
    """A cumulative sum's constants, in standard deviations, and how long it runs."""

    mean: float
    deviation: float
    allowance: float
    limit: float
    run_length_in_control: float
    """Items until a false alarm, on average."""
    run_length_shifted: float
    """Items until an alarm after a fall of the design's shift, on average."""


@dataclass(frozen=True)
class Drift:
    """What the watch over one labeler's answers to one feature showed."""

    labeler: str
    feature: str
    item_count: int
    undefined_reason: str = ""
    chart: Chart | None = None
    sums: tuple[float, ...] = ()
    """After each item behind the baseline."""
    alarm_item: str | None = None
    """Where the sum first exceeded the limit."""
    alarm_ms: int | None = None


def watch(labeler: str, feature: str, judgements: Sequence[Judgement], design: DriftDesign) -> Drift:
    """Watches one labeler's judgements of one feature, item after item.

    Items come by the time of their latest annotation; in the order sent where an item has none.
    """
    series = _series(judgements)
    needed = design.baseline_count + 1
    if len(series) < needed:
        return Drift(labeler, feature, len(series), f"fewer than {needed} items")
    shares = np.array([share for _, _, share in series])
    chart = designed(shares[: design.baseline_count], design)
    rest = series[design.baseline_count :]
    sums: list[float] = []
    level = 0.0
    for _, _, share in rest:
        level = max(0.0, level + (chart.mean - share) / chart.deviation - chart.allowance)
        sums.append(level)
    over = next((place for place, value in enumerate(sums) if value > chart.limit), None)
    item, create_ms = (None, None) if over is None else rest[over][:2]
    return Drift(labeler, feature, len(series), "", chart, tuple(sums), item, create_ms)


def designed(baseline: npt.NDArray[np.float64], design: DriftDesign) -> Chart:
    """The chart for a labeler whose first items were right in these shares.

    One right and one wrong item are added to the baseline (Laplace), since twenty right ones do not prove that a
    labeler never errs. The deviation is that of items that are right or wrong as a whole, the largest that shares of
    this mean can have: with partly right items false alarms are rarer than by design.
    """
    mean = round(float((baseline.sum() + 1) / (len(baseline) + 2)), 3)
    deviation = float(np.sqrt(mean * (1 - mean)))
    lattice = _lattice(mean, deviation, design.shift / 2)
    cells = _cells(lattice.up, lattice.down, mean, design.run_length)
    return Chart(
        mean=mean,
        deviation=deviation,
        allowance=lattice.allowance,
        limit=(cells - 0.5) * lattice.spacing,
        run_length_in_control=run_length(mean, lattice.up, lattice.down, cells),
        run_length_shifted=run_length(max(0.0, mean - design.shift * deviation), lattice.up, lattice.down, cells),
    )


def run_length(probability: float, up: int, down: int, cells: int) -> float:
    """Items until the sum leaves its cells, on average, when each is right with `probability`, else wrong.

    The sum is a Markov chain: it goes up by `up` cells at a wrong item and down by `down` at a right one, not below the
    first (D. Brook and D. A. Evans, Biometrika 59, 1972; exact here, where both steps are whole numbers of cells).
    """
    stays = np.zeros((cells, cells))
    places = np.arange(cells)
    np.add.at(stays, (places, np.maximum(places - down, 0)), probability)
    inside = places + up < cells
    np.add.at(stays, (places[inside], places[inside] + up), 1 - probability)
    return float(np.linalg.solve(np.eye(cells) - stays, np.ones(cells))[0])


@dataclass(frozen=True)
class _Lattice:
    """The steps of a sum, in whole cells."""

    up: int
    down: int
    spacing: float
    """Standard deviations in a cell."""
    allowance: float


def _lattice(mean: float, deviation: float, allowance: float) -> _Lattice:
    """Moves the allowance a little, so that the steps are as two small whole numbers (Reynolds and Stoumbos 1999)."""
    wrong, right = mean / deviation, (1 - mean) / deviation
    ratio = max((wrong - allowance) / (right + allowance), 0.1)
    down = _FINE if ratio < _COARSE_RATIO else 1
    up = max(1, round(ratio * down))
    moved = (wrong - right * up / down) / (1 + up / down)
    return _Lattice(up, down, (right + moved) / down, moved)


@lru_cache(maxsize=4096)
def _cells(up: int, down: int, mean: float, wanted: float) -> int:
    """The fewest cells with a run length as wanted in control, by bisection."""
    low, high = 1, 2
    while run_length(mean, up, down, high) < wanted and high < _MOST_CELLS:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if run_length(mean, up, down, middle) >= wanted else (middle, high)
    return high


def _series(judgements: Sequence[Judgement]) -> list[tuple[str, int | None, float]]:
    """Item, time and share of right annotations, in order."""
    items: dict[str, list[Judgement]] = {}
    for judgement in judgements:
        items.setdefault(judgement.item, []).append(judgement)
    series = []
    for item, found in items.items():
        times = [judgement.create_ms for judgement in found if judgement.create_ms is not None]
        right = sum(judgement.verdict.outcome is Outcome.RIGHT for judgement in found)
        series.append((item, max(times, default=None), right / len(found)))
    if all(time is not None for _, time, _ in series):
        series.sort(key=lambda row: row[1] or 0)
    return series
