"""What EM over confusion matrices has to know of the labels, counted part by part and added up. Pure.

A part is some of the items with all their labels. Whoever holds the parts (threads of this process, other processes,
other machines) is asked for sums; labels never travel.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, reduce
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from labelmill_quality.labels import Codes, Floats, LabelTable

T = TypeVar("T")
_LABELS_A_PART = 500_000
_COUNTED_AT_ONCE = 16_000_000
_NO_CODES = np.empty(0, np.int32)
_NO_WEIGHTS = np.empty(0)


@dataclass(frozen=True)
class Counts:
    """What one round of EM has counted; counts of parts add up."""

    counts: Floats
    """(labelers x classes said, true classes): labels, each shared out over the classes as its item's posterior is."""
    shares: Floats
    """(classes): items, shared out likewise."""
    likelihood: float = 0.0
    """Log-likelihood of the labels."""
    changed: int = 0
    """Items that have another likeliest class than in the round before."""
    labels: int = 0
    """Labels that take part; counted with the votes."""
    items: int = 0
    """Items that take part or not."""

    def __add__(self, other: Counts) -> Counts:
        """The counts of both parts."""
        return Counts(
            self.counts + other.counts,
            self.shares + other.shares,
            self.likelihood + other.likelihood,
            self.changed + other.changed,
            self.labels + other.labels,
            self.items + other.items,
        )


class Parts(Protocol):
    """The labels, wherever they are."""

    def votes(self) -> Counts:
        """The counts where each item's posterior is its shares of votes: the start of EM."""

    def round(self, prior: Floats, confusion: Floats) -> Counts:
        """The counts of a round with (classes) priors and (labelers x classes said, true classes) confusions."""


@dataclass(frozen=True)
class Part:
    """Some items with all their labels, in this process."""

    offsets: npt.NDArray[np.int64]
    """(items + 1): where the labels of each item begin."""
    cells: Codes
    """(labels): labeler x classes + class said."""
    labelers: int
    classes: int
    weights: Floats = field(default_factory=lambda: _NO_WEIGHTS)
    """(labels): how much of each counts; empty: all."""
    anchors: Codes = field(default_factory=lambda: _NO_CODES)
    """(items): the known class, or -1; empty: none is known."""
    least: int = 2
    """Items with fewer labels take no part, unless they are anchored."""
    winners: Codes = field(default_factory=lambda: _NO_CODES)
    """(items): the likeliest class in the last round; replaced by each."""

    def votes(self) -> Counts:
        """See Parts."""
        from labelmill_quality.aggregation import confusion_loops as loops

        counts, shares = self._zeros()
        labels = loops.count_votes(self.offsets, self.cells, self.weights, self.anchors, self.least, counts, shares)
        return Counts(counts, shares, labels=labels, items=len(self.offsets) - 1)

    def round(self, prior: Floats, confusion: Floats) -> Counts:
        """See Parts."""
        from labelmill_quality.aggregation import confusion_loops as loops

        counts, shares = self._zeros()
        likelihood, changed = loops.one_round(
            self.offsets, self.cells, self.weights, self.anchors, self.least,
            prior, confusion, counts, shares, self.winners,
        )  # fmt: skip
        return Counts(counts, shares, likelihood, changed, items=len(self.offsets) - 1)

    def posteriors(self, prior: Floats, confusion: Floats, outcome: Floats) -> None:
        """Fills in (items, classes)."""
        from labelmill_quality.aggregation import confusion_loops as loops

        loops.posteriors(self.offsets, self.cells, self.weights, prior, confusion, outcome)

    def _zeros(self) -> tuple[Floats, Floats]:
        return np.zeros((self.labelers * self.classes, self.classes)), np.zeros(self.classes)


@dataclass(frozen=True)
class Threads:
    """All parts of a table in this process, a few at a time.

    The parts, and with them the order of the sums, do not depend on how many cores there are.
    """

    parts: Sequence[Part]

    def votes(self) -> Counts:
        """See Parts."""
        return reduce(Counts.__add__, self._all(Part.votes))

    def round(self, prior: Floats, confusion: Floats) -> Counts:
        """See Parts."""
        counts: list[Counts] = self._all(lambda part: part.round(prior, confusion))
        return reduce(Counts.__add__, counts)

    def posteriors(self, prior: Floats, confusion: Floats) -> Floats:
        """(items, classes) of all items."""
        ends = np.cumsum([len(part.offsets) - 1 for part in self.parts])
        outcome = np.empty((int(ends[-1]), len(prior)))
        self._all(lambda part, place: part.posteriors(prior, confusion, place), np.split(outcome, ends[:-1]))
        return outcome

    def _all(self, work: Callable[..., T], *arguments: Sequence[object]) -> list[T]:
        if len(self.parts) == 1:
            return [work(self.parts[0], *(each[0] for each in arguments))]
        return list(_threads().map(work, self.parts, *arguments))


@cache
def _threads() -> ThreadPoolExecutor:
    """One for all tables: starting threads anew in each round takes a seventh of it with a million labels."""
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="labels")


def split(
    table: LabelTable, anchors: Codes | None = None, *, least: int = 2, labels_a_part: int | None = None
) -> Threads:
    """A table as parts of about so many labels; None: as many parts as keep all cores busy and fit in memory."""
    cells = table.cells
    cuts = np.unique(np.searchsorted(table.offsets, np.arange(0, len(table), labels_a_part or _part_size(table))))
    cuts = np.unique([0, *cuts.tolist(), len(table.items)])
    bounds = list(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)) or [(0, 0)]
    return Threads([_part(table, cells, anchors, least, first, last) for first, last in bounds])


def _part_size(table: LabelTable) -> int:
    counted = max(1, len(table.labelers) * len(table.classes) ** 2)  # numbers that each part counts
    parts = max(1, min(len(table) // _LABELS_A_PART, _COUNTED_AT_ONCE // counted))
    return max(1, math.ceil(len(table) / parts))


def _part(table: LabelTable, cells: Codes, anchors: Codes | None, least: int, first: int, last: int) -> Part:
    start, stop = int(table.offsets[first]), int(table.offsets[last])
    return Part(
        table.offsets[first : last + 1] - start,
        cells[start:stop],
        len(table.labelers),
        len(table.classes),
        _NO_WEIGHTS if table.weights is None else table.weights[start:stop],
        _NO_CODES if anchors is None else anchors[first:last],
        least,
        np.full(last - first, -1, np.int32),
    )
