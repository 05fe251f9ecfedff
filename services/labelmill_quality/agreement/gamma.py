"""Gamma: agreement on what is marked, where and as what, by the best alignment of all labelers' marks. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import LEVEL, percentile_interval, resampling_weights

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

NO_TEXTS = "no item was seen by two labelers and marked by one"
ALWAYS_ALIKE = "shuffled marks agree perfectly, so there is no chance agreement to correct for"
MOST_ALIGNMENTS = 200_000
"""Of one item: sets of marks that could be one."""
_EMPTY = 1.0


class TooManyAlignments(ValueError):
    """An item has too many marks in one place."""


@dataclass(frozen=True)
class Marks:
    """What one labeler marked on one item."""

    starts: Floats
    ends: Floats
    classes: Integers

    def __len__(self) -> int:
        return len(self.starts)


@dataclass(frozen=True)
class MarkedItem:
    """One item, with the marks of everybody who saw it."""

    labelers: Sequence[Marks]
    length: float


def gamma(
    items: Sequence[MarkedItem], *, shuffles: int = 30, replicates: int = 1000, seed: int = 0, level: float = LEVEL
) -> Estimate:
    """Gamma = 1 - observed disorder / expected disorder, with a bootstrap interval over items.

    Two marks u, v are apart by

        d(u, v) = ((|start_u - start_v| + |end_u - end_v|) / (length_u + length_v))² + [class_u differs from class_v]

    and a mark and nothing by 1. A unitary alignment takes at most one mark of each labeler; its disorder is the mean of
    d over all pairs of labelers. An alignment puts every mark into one unitary alignment; the disorder of the best one
    (a set partition, solved exactly), by the mean number of marks of a labeler, is the item's. Expected is the mean
    over items whose labelers' marks are those of labelers drawn at random, each shifted along the line by a random
    distance. Over several items both are summed, weighted by the mean number of marks.

    (Y. Mathet, A. Widlöcher and J.-P. Métivier, The Unified and Holistic Method Gamma, Computational Linguistics 41,
    2015; both weights and the disorder of nothing are 1, as there.)

    Raises:
        TooManyAlignments: More than 200,000 sets of marks of one item could be one.
    """
    method, interval_method = "gamma", f"bootstrap_items_{replicates}"
    kept = [item for item in items if len(item.labelers) > 1 and any(map(len, item.labelers))]
    undefined = Estimate.undefined
    if not kept:
        return undefined(NO_TEXTS, method=method, interval_method=interval_method, level=level)
    generator = np.random.default_rng(seed % 2**64)
    observed = np.array([_disorder(item.labelers) for item in kept])
    expected = np.array([_expected(item, generator, shuffles) for item in kept])
    if not expected.sum() > 0:
        return undefined(ALWAYS_ALIKE, method=method, interval_method=interval_method, n=len(kept), level=level)
    value = float(1 - observed.sum() / expected.sum())
    if len(kept) < 2:
        return Estimate(value, None, None, level, method, interval_method, len(kept))
    drawn = [
        1 - weights @ observed / np.maximum(weights @ expected, 1e-300)
        for weights in resampling_weights(np.ones(len(kept), np.int64), replicates, seed)
    ]
    lower, upper = percentile_interval(value, np.concatenate(drawn), level)
    return Estimate(value, lower, upper, level, method, interval_method, len(kept))


def _expected(item: MarkedItem, generator: np.random.Generator, shuffles: int) -> float:
    """Of shuffled marks, as if there were as many as of the item."""
    total = 0.0
    for _ in range(shuffles):
        labelers = _shuffled(item, generator)
        marks = sum(map(len, labelers))
        total += _disorder(labelers) / marks if marks else 0.0
    return total / shuffles * sum(map(len, item.labelers))


def _shuffled(item: MarkedItem, generator: np.random.Generator) -> list[Marks]:
    """Labelers drawn at random, each shifted along the line, what leaves it at the end coming back at its start."""
    shuffled = []
    for place in generator.integers(0, len(item.labelers), len(item.labelers)).tolist():
        marks = item.labelers[place]
        starts = (marks.starts + generator.random() * item.length) % item.length
        shuffled.append(Marks(starts, starts + marks.ends - marks.starts, marks.classes))
    return shuffled


def _disorder(labelers: Sequence[Marks]) -> float:
    """Of the best alignment: the sum of its unitary alignments' disorders, not yet by the number of marks."""
    costs, rows, columns = _unitary(labelers)
    marks = sum(map(len, labelers))
    if not marks:
        return 0.0
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_matrix

    covers = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(marks, len(costs)))
    exactly_once = LinearConstraint(covers, 1, 1)
    solved = milp(costs, constraints=exactly_once, integrality=np.ones(len(costs)), bounds=Bounds(0, 1))
    return float(solved.fun)


def _unitary(labelers: Sequence[Marks]) -> tuple[Floats, Integers, Integers]:
    """Unitary alignments that are no worse than their marks alone: disorders, and (mark, alignment) entries."""
    count = len(labelers)
    pairs = count * (count - 1) / 2
    offsets = np.concatenate([[0], np.cumsum([len(marks) for marks in labelers])])
    distances = _distances(labelers)
    grown: list[tuple[tuple[int, ...], float]] = [((), 0.0)]
    for labeler in range(count):
        left = count - labeler - 1
        longer: list[tuple[tuple[int, ...], float]] = []
        for chosen, total in grown:
            longer.append((chosen, total))
            for mark in range(offsets[labeler], offsets[labeler + 1]):
                apart = total + sum(distances[other, mark] for other in chosen)
                # Every mark alone costs 1: what costs more even if all labelers to come joined for nothing is dropped.
                if apart < (len(chosen) + 1 + left) * pairs:
                    longer.append(((*chosen, mark), apart))
        if len(longer) > MOST_ALIGNMENTS:
            raise TooManyAlignments
        grown = longer
    costs: list[float] = []
    rows: list[int] = []
    columns: list[int] = []
    for chosen, total in grown:
        size = len(chosen)
        cost = (total + (pairs - size * (size - 1) / 2) * _EMPTY) / pairs
        if size == 1 or (size > 1 and cost < size):
            rows += chosen
            columns += [len(costs)] * size
            costs.append(cost)
    return np.array(costs), np.array(rows, np.int64), np.array(columns, np.int64)


def _distances(labelers: Sequence[Marks]) -> Floats:
    starts = np.concatenate([marks.starts for marks in labelers])
    ends = np.concatenate([marks.ends for marks in labelers])
    classes = np.concatenate([marks.classes for marks in labelers])
    lengths = ends - starts
    apart = np.abs(starts[:, None] - starts) + np.abs(ends[:, None] - ends)
    distances: Floats = (apart / (lengths[:, None] + lengths)) ** 2 + (classes[:, None] != classes)
    return distances
