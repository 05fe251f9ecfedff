"""Quasi-identifiers as axes: each different value gets a rank, so that a class is a box of ranks.

Numbers and dates rank by size; categories by their groups, so that neighbours share narrow ones; without groups by
their text. Missing cells are a value of their own and rank last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from labelmill_anonymization.tables.cells import Column, Kind, date_of, is_missing, kind_of, number_of, text_of
from labelmill_anonymization.tables.rules import Branches, Hierarchy, Prefix

ANYTHING = "*"
_MAX_SET = 20
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Labels(Protocol):
    """Names boxes of ranks."""

    def label(self, ranks: Sequence[int]) -> tuple[str, float]:
        """What stands for these ranks (two at least, none missing), and its certainty penalty in [0, 1]."""


@dataclass(frozen=True)
class Axis:
    """One quasi-identifier."""

    column: Column
    ranks: Ints
    """Shape (rows,)."""
    positions: Floats
    """Shape (ranks,): where each rank lies, ascending, from 0 to 1; what makes a box wide."""
    missing: int | None
    """The rank of missing cells, the last one; None: there are none."""
    originals: tuple[Any, ...]
    """Shape (ranks,): a value of each rank."""
    labels: Labels
    is_ordered: bool

    def label(self, ranks: Sequence[int]) -> tuple[Any, float]:
        """What stands for the ranks of a class, ascending, and its penalty; one rank stays as it is."""
        if len(ranks) == 1:
            return self.originals[ranks[0]], 0.0
        if ranks[-1] == self.missing:
            return ANYTHING, 1.0
        return self.labels.label(ranks)


def make_axis(column: Column, hierarchy: Hierarchy | None) -> Axis:
    """The axis of a column."""
    kind = kind_of(column)
    if kind in (Kind.NUMBER, Kind.DATE) and hierarchy is None:
        return _numbers(column, number_of if kind is Kind.NUMBER else date_of)
    return _categories(column, hierarchy)


def order_of(column: Column) -> tuple[Ints, bool]:
    """(rank of each row, whether ranks mean an order): a sensitive column as `measure` and `split` want it."""
    axis = make_axis(column, None)
    return axis.ranks, axis.is_ordered


def _numbers(column: Column, read: Any) -> Axis:
    values: dict[float, Any] = {}
    read_values = [None if is_missing(value) else read(value) for value in column.values]
    for number, value in zip(read_values, column.values, strict=True):
        if number is not None:
            values.setdefault(number, value)
    numbers = np.array(sorted(values), dtype=np.float64)
    ranks = np.array([len(numbers) if n is None else np.searchsorted(numbers, n) for n in read_values], dtype=np.int64)
    originals = [values[number] for number in numbers]
    span = numbers[-1] - numbers[0] if len(numbers) else 0.0
    positions = (numbers - numbers[0]) / span if span > 0 else np.zeros(len(numbers))
    return _axis(column, ranks, positions, originals, _Range(positions, tuple(originals)), is_ordered=True)


def _categories(column: Column, hierarchy: Hierarchy | None) -> Axis:
    texts = [None if is_missing(value) else text_of(value) for value in column.values]
    paths = {text: _path(text, hierarchy) for text in texts if text is not None}
    ordered = sorted(paths, key=lambda text: (paths[text][::-1], text))
    rank_of: dict[str | None, int] = {text: rank for rank, text in enumerate(ordered)}
    rank_of[None] = len(ordered)
    ranks = np.array([rank_of[text] for text in texts], dtype=np.int64)
    first: dict[str | None, Any] = {}
    for text, value in zip(texts, column.values, strict=True):
        first.setdefault(text, value)
    positions = np.linspace(0.0, 1.0, len(ordered)) if len(ordered) > 1 else np.zeros(len(ordered))
    labels: Labels = _Set(tuple(ordered)) if hierarchy is None else _Groups(tuple(paths[text] for text in ordered))
    return _axis(column, ranks, positions, [first[text] for text in ordered], labels, is_ordered=False)


def _axis(
    column: Column, value_ranks: Ints, positions: Floats, originals: list[Any], labels: Labels, *, is_ordered: bool
) -> Axis:
    missing = len(originals) if (value_ranks == len(originals)).any() else None
    if missing is not None:
        blank = next(value for value in column.values if is_missing(value))
        originals, positions = [*originals, blank], np.append(positions, 1.0)
    return Axis(column, value_ranks[column.codes], positions, missing, tuple(originals), labels, is_ordered)


def _path(text: str, hierarchy: Hierarchy | None) -> tuple[str, ...]:
    """The value's groups from the narrowest to the widest; the widest of all is "*"."""
    match hierarchy:
        case Branches(groups):
            return (*groups.get(text, ()), ANYTHING)
        case Prefix():
            return (*(text[:kept] + ANYTHING * (len(text) - kept) for kept in range(len(text) - 1, 0, -1)), ANYTHING)
        case _:
            return (ANYTHING,)


@dataclass(frozen=True)
class _Range:
    """Numbers and dates: the least and the greatest value of the class."""

    positions: Floats
    originals: tuple[Any, ...]

    def label(self, ranks: Sequence[int]) -> tuple[str, float]:
        low, high = ranks[0], ranks[-1]
        text = f"{text_of(self.originals[low]).strip()}..{text_of(self.originals[high]).strip()}"
        return text, float(self.positions[high] - self.positions[low])


@dataclass(frozen=True)
class _Set:
    """Categories without groups: the values of the class; NCP = (values - 1) / (all values - 1)."""

    texts: tuple[str, ...]

    def label(self, ranks: Sequence[int]) -> tuple[str, float]:
        if len(ranks) > _MAX_SET:
            return ANYTHING, 1.0
        return "|".join(self.texts[rank] for rank in ranks), (len(ranks) - 1) / (len(self.texts) - 1)


@dataclass(frozen=True)
class _Groups:
    """Categories with groups: the narrowest group of all values; NCP = (its values - 1) / (all values - 1)."""

    paths: tuple[tuple[str, ...], ...]

    def label(self, ranks: Sequence[int]) -> tuple[str, float]:
        others = [frozenset(self.paths[rank]) for rank in ranks[1:]]
        group = next(group for group in self.paths[ranks[0]] if all(group in other for other in others))
        if group == ANYTHING:
            return ANYTHING, 1.0
        size = sum(group in path for path in self.paths)
        return group, (size - 1) / (len(self.paths) - 1)
