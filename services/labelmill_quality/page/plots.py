"""Where the marks of each plot lie. Pure; the template draws them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labelmill_quality.page.scales import Scale, Tick, count_scale, time_scale, time_ticks, unit_scale, unit_ticks


@dataclass(frozen=True, slots=True)
class Value:
    """A number with its interval; None where there is none."""

    value: float | None
    lower: float | None = None
    upper: float | None = None
    n: int = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """A dot with a whisker."""

    at: float
    lower: float | None
    upper: float | None
    series: int
    """0 is drawn full, 1 hollow."""
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a dot-and-whisker plot."""

    y: float
    name: str
    marks: Sequence[Mark]


@dataclass(frozen=True, slots=True)
class DotPlot:
    """A dot-and-whisker plot."""

    width: int
    height: int
    left: float
    ticks: Sequence[Tick]
    rows: Sequence[Row]


def dot_plot(rows: Sequence[tuple[str, Sequence[Value]]], *, width: int = 920) -> DotPlot:
    """One line for each name, one mark for each of its values."""
    left, step, top = 150.0, 24, 26
    ends = [end for _, values in rows for value in values for end in (value.value, value.lower) if end is not None]
    scale = unit_scale(ends, left, width - 20.0)
    drawn = []
    for index, (name, values) in enumerate(rows):
        marks = [_mark(value, series, scale) for series, value in enumerate(values) if value.value is not None]
        drawn.append(Row(top + step * index + step / 2, shortened(name), marks))
    return DotPlot(width, top + step * len(rows) + 8, left, unit_ticks(scale), drawn)


@dataclass(frozen=True, slots=True)
class Bar:
    """How many labels a period has."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Point:
    """A period's value, with its interval from `top` to `bottom`."""

    x: float
    y: float
    top: float | None
    bottom: float | None
    text: str


@dataclass(frozen=True, slots=True)
class TimePlot:
    """A line over time, with bars of counts below."""

    width: int
    height: int
    left: float
    floor: float
    base: float
    ticks: Sequence[Tick]
    days: Sequence[Tick]
    most: Tick
    points: Sequence[Point]
    lines: Sequence[str]
    """Polylines: a period without a value interrupts them."""
    band: Sequence[str]
    """Polygons of the intervals."""
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True)
class Moment:
    """A period as a plot needs it."""

    start_ms: int
    end_ms: int
    label_count: int
    value: Value
    text: str


def time_plot(moments: Sequence[Moment], *, width: int = 920) -> TimePlot:
    """Values over time."""
    left, floor, base = 48.0, 210.0, 290.0
    middles = [(moment.start_ms + moment.end_ms) // 2 for moment in moments]
    across = time_scale([moments[0].start_ms, moments[-1].end_ms], left + 6, width - 12.0)
    known = [moment.value for moment in moments if moment.value.value is not None]
    up = unit_scale((end for value in known for end in (value.value, value.lower) if end is not None), floor, 14.0)
    counts = count_scale((moment.label_count for moment in moments), base, floor + 24)
    points: list[Point] = []
    runs: list[list[Point]] = [[]]
    for moment, middle in zip(moments, middles, strict=True):
        value = moment.value
        if value.value is None:
            runs.append([])
            continue
        ends = [None if end is None else up(end) for end in (value.upper, value.lower)]
        runs[-1].append(Point(across(middle), up(value.value), ends[0], ends[1], moment.text))
        points.append(runs[-1][-1])
    half = max(1.0, min(9.0, (width - left) / max(1, len(moments)) / 2 - 1))
    bars = [
        Bar(across(middle) - half, counts(moment.label_count), 2 * half, base - counts(moment.label_count))
        for moment, middle in zip(moments, middles, strict=True)
    ]
    return TimePlot(
        width,
        316,
        left,
        floor,
        base,
        unit_ticks(up),
        time_ticks(across),
        Tick(counts(counts.high), f"{counts.high:,.0f}"),
        points,
        [" ".join(f"{point.x},{point.y}" for point in run) for run in runs if len(run) > 1],
        [outline for run in runs if (outline := _band(run))],
        bars,
    )


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a heat map."""

    x: float
    y: float
    share: float
    text: str
    title: str


@dataclass(frozen=True, slots=True)
class HeatMap:
    """A confusion matrix: rows are the reference, shares are of rows."""

    width: float
    height: float
    side: float
    left: float
    top: float
    names: Sequence[str]
    cells: Sequence[Cell]


def heat_map(names: Sequence[str], counts: Sequence[Sequence[float]]) -> HeatMap:
    """A square table of counts."""
    side = max(16.0, min(56.0, 480.0 / len(names)))
    left, top = 142.0, 96.0
    cells = []
    for row, (name, line) in enumerate(zip(names, counts, strict=True)):
        total = sum(line)
        for column, (other, count) in enumerate(zip(names, line, strict=True)):
            share = count / total if total else 0.0
            text = f"{100 * share:.0f}" if side >= 24 and share >= 0.005 else ""
            said = f"{name}, said {other}: {count:,.0f} of {total:,.0f}"
            cells.append(Cell(left + column * side, top + row * side, round(share, 3), text, said))
    size = side * len(names)
    return HeatMap(left + size + 30, top + size + 8, side, left, top, [shortened(name, 17) for name in names], cells)


def shortened(name: str, most: int = 20) -> str:
    """A name that fits beside a plot."""
    return name if len(name) <= most else f"{name[: most - 1]}\N{HORIZONTAL ELLIPSIS}"


def _mark(value: Value, series: int, scale: Scale) -> Mark:
    assert value.value is not None
    ends = [None if end is None else scale(end) for end in (value.lower, value.upper)]
    between = "" if value.lower is None else f" [{value.lower:.3f}, {value.upper:.3f}]"
    return Mark(scale(value.value), ends[0], ends[1], series, f"{value.value:.3f}{between}, n = {value.n:,}")


def _band(run: Sequence[Point]) -> str:
    held = [point for point in run if point.top is not None and point.bottom is not None]
    if len(held) < 2 or len(held) < len(run):
        return ""
    there = [f"{point.x},{point.top}" for point in held]
    return " ".join([*there, *(f"{point.x},{point.bottom}" for point in reversed(held))])
