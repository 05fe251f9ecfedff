"""From values to places on a plot. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of a scale."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Scale:
    """A stretch of values laid over a stretch of pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Where a value lies; values beyond an end lie on it."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


def unit_scale(values: Iterable[float], start: float, end: float) -> Scale:
    """A scale that ends at 1 and begins at 0, or below where values do: shares and coefficients of agreement."""
    lowest = min([0.0, *values])
    return Scale(max(-1.0, math.floor(lowest * 5) / 5), 1.0, start, end)


def unit_ticks(scale: Scale) -> list[Tick]:
    """Ticks of such a scale, every fifth."""
    first, last = round(scale.low * 5), round(scale.high * 5)
    return [Tick(scale(n / 5), f"{n / 5:.1f}") for n in range(first, last + 1)]


def count_scale(values: Iterable[float], start: float, end: float) -> Scale:
    """A scale from 0 to a round number above all values."""
    highest = max([1.0, *values])
    power = 10.0 ** math.floor(math.log10(highest))
    return Scale(0.0, next(step * power for step in _STEPS if step * power >= highest), start, end)


def time_scale(times_ms: Iterable[int], start: float, end: float) -> Scale:
    """A scale over times, with a day at least."""
    times = list(times_ms)
    low, high = min(times), max(times)
    return Scale(low, max(high, low + _DAY_MS), start, end)


def time_ticks(scale: Scale, most: int = 7) -> list[Tick]:
    """Days, as many as have room."""
    first, last = math.ceil(scale.low / _DAY_MS), math.floor(scale.high / _DAY_MS)
    step = max(1, math.ceil((last - first + 1) / most))
    return [Tick(scale(day * _DAY_MS), date(day * _DAY_MS)) for day in range(first, last + 1, step)]


def date(time_ms: float) -> str:
    """A day in UTC, such as 2026-11-27."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d")
