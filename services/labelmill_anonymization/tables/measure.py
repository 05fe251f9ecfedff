"""How well rows are hidden among one another: k, l and t of a table, in one pass over it.

Independent of how the classes were made: it looks only at what equal cells say.

k-anonymity: Samarati and Sweeney 1998. l-diversity, distinct and entropy: Machanavajjhala et al., TKDD 2007.
t-closeness: Li, Li and Venkatasubramanian, ICDE 2007; earth mover's distance with the equal ground distance for
categories (half of the sum of |p - q|) and the ordered one for numbers (mean of |cumulated p - q|).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
_CHUNK_CELLS = 4_000_000
_LARGEST = 2**62


@dataclass(frozen=True, slots=True)
class Sensitive:
    """A sensitive column: ranks of values among its different values; ordered ones for numbers and dates."""

    codes: Ints
    ordered: bool

    @property
    def size(self) -> int:
        """Different values."""
        return int(self.codes.max()) + 1 if len(self.codes) else 0


@dataclass(frozen=True, slots=True)
class ClassMeasure:
    """See labelmill.anonymization.v1.ClassMeasure."""

    class_count: int
    k: int
    l: int  # noqa: E741 - its name in the literature
    entropy_l: float
    t: float


def classes_of(columns: Sequence[NDArray[np.integer]]) -> Ints:
    """For each row the number of its class: rows with equal codes (0 on, below 2^31) in all columns share one."""
    combined, size = np.zeros(len(columns[0]), dtype=np.int64), 1
    for codes in columns:
        width = int(codes.max(initial=0)) + 1
        if size * width > _LARGEST:  # renumbered, so that the product cannot overflow
            combined = np.unique(combined, return_inverse=True)[1].astype(np.int64)
            size = int(combined.max(initial=0)) + 1
        combined, size = combined * width + codes, size * width
    return np.unique(combined, return_inverse=True)[1].astype(np.int64)


def measure(classes: Ints, sensitive: Sequence[Sensitive]) -> ClassMeasure:
    """k, l and t of classes; `classes` holds numbers from 0 on, without gaps, one a row (at least one row)."""
    sizes = np.bincount(classes)
    parts = [_spread(classes, sizes, column) for column in sensitive]
    return ClassMeasure(
        class_count=len(sizes),
        k=int(sizes.min()),
        l=min((part[0] for part in parts), default=0),
        entropy_l=min((part[1] for part in parts), default=0.0),
        t=max((part[2] for part in parts), default=0.0),
    )


def _spread(classes: Ints, sizes: Ints, column: Sensitive) -> tuple[int, float, float]:
    """(l, entropy l, t) of one sensitive column."""
    count = len(sizes)
    pairs, times = np.unique(classes * column.size + column.codes, return_counts=True)
    group, value = pairs // column.size, pairs % column.size
    p = times / sizes[group]
    entropy = np.bincount(group, weights=-p * np.log(p), minlength=count)
    q = np.bincount(column.codes, minlength=column.size) / len(classes)
    distance = _ordered(group, value, p, q, count) if column.ordered else _equal(group, value, p, q, count)
    return int(np.bincount(group, minlength=count).min()), float(np.exp(entropy.min())), float(distance.max())


def _equal(group: Ints, value: Ints, p: NDArray[np.float64], q: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Half of sum |p - q|; values that a class lacks add their q, so only pairs that occur are looked at."""
    present = q[value]
    absent = 1.0 - np.bincount(group, weights=present, minlength=count)
    return 0.5 * (np.bincount(group, weights=np.abs(p - present), minlength=count) + absent)


def _ordered(
    group: Ints, value: Ints, p: NDArray[np.float64], q: NDArray[np.float64], count: int
) -> NDArray[np.float64]:
    """Sum of |cumulated p - cumulated q| / (values - 1), for some classes at a time."""
    size = len(q)
    distance = np.zeros(count)
    if size < 2:
        return distance
    step = max(1, _CHUNK_CELLS // size)
    cumulated = np.cumsum(q)
    for first in range(0, count, step):
        last = min(first + step, count)
        low, high = np.searchsorted(group, (first, last))
        dense = np.zeros((last - first, size))
        dense[group[low:high] - first, value[low:high]] = p[low:high]
        distance[first:last] = np.abs(np.cumsum(dense, axis=1) - cumulated).sum(axis=1) / (size - 1)
    return distance
