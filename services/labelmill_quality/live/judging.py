"""Dawid and Skene's model from kept counts: what it says about items, and what items add to the counts. Pure.

One round of EM over a few items instead of all, its sufficient statistics kept (R. M. Neal and G. E. Hinton, A View of
the EM Algorithm that Justifies Incremental, Sparse, and Other Variants, 1998).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.aggregation import dawid_skene, majority_vote
from labelmill_quality.aggregation.consensus import Consensus
from labelmill_quality.labels import LabelTable, make_table
from labelmill_quality.live.state import Floats, LiveItem

MAX_CLASSES = 200
"""With more classes in use than this, votes are counted: the confusion matrices would be large and nearly empty."""
_OPTIONS = dawid_skene.Options()


@dataclass(frozen=True)
class Counts:
    """The model's sufficient statistics, without the pseudo-counts."""

    classes: Floats
    """(classes): shared items."""
    labelers: Floats
    """(labelers, classes said, true classes): labels about shared items."""

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.classes + other.classes, self.labelers + other.labelers)

    def __sub__(self, other: Counts) -> Counts:
        # What was added is taken away again: below zero is rounding.
        return Counts(np.maximum(self.classes - other.classes, 0), np.maximum(self.labelers - other.labelers, 0))

    def model(self) -> dawid_skene.DawidSkene:
        """The model that these counts make, with the pseudo-counts of the full fit."""
        size = len(self.classes)
        pseudo = _OPTIONS.spread / size + _OPTIONS.diagonal * np.eye(size)
        shares = self.classes + _OPTIONS.spread / size
        return dawid_skene.DawidSkene(
            shares / shares.sum(),
            _shares_of_true(self.labelers + pseudo),
            _shares_of_true(self.labelers.sum(axis=0) + pseudo),
            iterations=0,
            converged=True,
        )


def method(size: int) -> tuple[str, str]:
    """The name and version of how consensus is made over so many classes."""
    module = dawid_skene if size <= MAX_CLASSES else majority_vote
    return module.NAME, module.VERSION


def judge(table: LabelTable, counts: Counts) -> Consensus:
    """The consensus about items under the model that counts make; with very many classes, by votes."""
    if len(table.classes) > MAX_CLASSES:
        return majority_vote.fit(table, None).apply(table)
    return counts.model().apply(table)


def added(table: LabelTable, posterior: Floats) -> Counts:
    """What items add to the counts: those with several labels, as in the full fit."""
    size = len(table.classes)
    if size > MAX_CLASSES:
        return Counts(np.zeros(size), np.zeros((len(table.labelers), 0, 0)))
    shared = posterior * (table.labels_per_item >= 2)[:, None]
    labelers = (table.design.T @ shared).reshape(len(table.labelers), size, size)
    return Counts(shared.sum(axis=0), np.asarray(labelers))


def reliabilities(counts: Counts) -> npt.NDArray[np.float64]:
    """(labelers): the probability of a right answer under the model, over its prior of classes."""
    model = counts.model()
    right: npt.NDArray[np.float64] = np.diagonal(model.confusion, axis1=1, axis2=2) @ model.prior
    return right


def table_of(items: Sequence[LiveItem], class_names: Sequence[str], labelers: Sequence[str]) -> LabelTable:
    """The labels of items; those that nobody labeled are left out."""
    rows = [(item.item, labeler, value) for item in items for labeler, value in item.labels.items()]
    names, authors, values = ([row[column] for row in rows] for column in range(3))
    return make_table(names, authors, values, class_names=class_names, labeler_names=labelers)


def _shares_of_true(counts: Floats) -> Floats:
    """Counts (..., classes said, true classes) as probabilities of what is said."""
    shares: Floats = counts / counts.sum(axis=-2, keepdims=True)
    return shares
