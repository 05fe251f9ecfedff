"""Strict Mondrian: the table is cut in two again and again while each half stays a class that may be published.

LeFevre, DeWitt, Ramakrishnan: Mondrian Multidimensional K-Anonymity, ICDE 2006. Strict: all rows with one value go to
the same side of a cut. Every row is kept. l-diversity and t-closeness are conditions on both halves of a cut, as k is,
so whatever is published fulfils them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from labelmill_anonymization.tables.axes import Axis
from labelmill_anonymization.tables.measure import Ints, Sensitive
from labelmill_anonymization.tables.rules import Diversity, LDiversity

_CLOSE = 1e-12
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Conditions:
    """When a set of rows may be a class."""

    k: int
    sensitive: Sequence[Sensitive] = ()
    l_diversity: LDiversity | None = None
    t_closeness: float | None = None
    _whole: list[NDArray[np.float64]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        shares = [
            np.bincount(column.codes, minlength=column.size) / max(len(column.codes), 1) for column in self.sensitive
        ]
        object.__setattr__(self, "_whole", shares)

    @property
    def only_k(self) -> bool:
        """Whether sizes decide alone."""
        return not self.sensitive or (self.l_diversity is None and self.t_closeness is None)

    def hold(self, rows: Rows) -> bool:
        """Whether these rows may be a class."""
        if len(rows) < self.k:
            return False
        if self.only_k:
            return True
        return all(self._spread(column, rows, whole) for column, whole in zip(self.sensitive, self._whole, strict=True))

    def _spread(self, column: Sensitive, rows: Rows, whole: NDArray[np.float64]) -> bool:
        counts = np.bincount(column.codes[rows], minlength=column.size)
        if self.l_diversity is not None and _diversity(counts, self.l_diversity.kind) < self.l_diversity.l - _CLOSE:
            return False
        return self.t_closeness is None or _distance(counts, whole, column.ordered) <= self.t_closeness + _CLOSE


def split(axes: Sequence[Axis], conditions: Conditions) -> Ints:
    """The class of each row, numbered from 0; shape (rows,). The whole table must fulfil the conditions.

    Args:
        axes: The quasi-identifiers, one at least.
        conditions: What a class must fulfil.
    """
    ranks = np.ascontiguousarray([axis.ranks for axis in axes])
    classes = np.empty(ranks.shape[1], dtype=np.int64)
    found = 0
    waiting = [np.arange(ranks.shape[1])]
    while waiting:
        rows = waiting.pop()
        halves = _cut(axes, ranks[:, rows], rows, conditions) if len(rows) >= 2 * conditions.k else None
        if halves is None:
            classes[rows] = found
            found += 1
        else:
            waiting += halves
    return classes


def _cut(
    axes: Sequence[Axis], ranks: NDArray[np.int64], rows: Rows, conditions: Conditions
) -> tuple[Rows, Rows] | None:
    """The rows in two parts, by the axis on which they lie widest apart; None: there is no cut that may be made."""
    low, high = ranks.min(axis=1), ranks.max(axis=1)
    widths = [_width(axis, first, last) for axis, first, last in zip(axes, low.tolist(), high.tolist(), strict=True)]
    for index in sorted(range(len(axes)), key=lambda i: -widths[i]):
        if low[index] == high[index]:
            continue
        column = ranks[index]
        for bound in _bounds(axes[index], column, int(high[index])):
            left = column <= bound
            size = int(np.count_nonzero(left))
            if min(size, len(rows) - size) < conditions.k:
                continue
            halves = rows[left], rows[~left]
            if conditions.only_k or (conditions.hold(halves[0]) and conditions.hold(halves[1])):
                return halves
    return None


def _width(axis: Axis, low: int, high: int) -> float:
    if low == high:
        return 0.0
    return 1.0 if high == axis.missing else float(axis.positions[high] - axis.positions[low])


def _bounds(axis: Axis, column: NDArray[np.int64], high: int) -> Iterator[int]:
    """Where to try to cut, the last rank of the left part: missing from present cells first, then at the median."""
    if high == axis.missing:
        yield high - 1
    middle = len(column) // 2
    median = int(np.partition(column, middle)[middle])
    for bound in (median - 1, median):
        if bound < high:
            yield bound


def _diversity(counts: NDArray[np.int64], kind: Diversity) -> float:
    present = counts[counts > 0]
    if kind is Diversity.DISTINCT:
        return float(len(present))
    p = present / present.sum()
    return float(np.exp(-(p * np.log(p)).sum()))


def _distance(counts: NDArray[np.int64], whole: NDArray[np.float64], ordered: bool) -> float:
    difference = counts / counts.sum() - whole
    if not ordered:
        return float(np.abs(difference).sum() / 2)
    return float(np.abs(np.cumsum(difference)).sum() / max(len(whole) - 1, 1))
