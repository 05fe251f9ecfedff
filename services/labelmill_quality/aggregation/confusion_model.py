"""What is learned by every method in which a labeler is a table of what they say of which class. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.aggregation.confusion_counts import split
from labelmill_quality.aggregation.consensus import Consensus, Others
from labelmill_quality.labels import LabelTable

Floats = npt.NDArray[np.float64]

_TINY = 1e-300


@dataclass(frozen=True)
class ConfusionModel:
    """Enough to judge further labels of the same labelers: p(class | labels) by Bayes' rule, labels independent."""

    prior: Floats
    """(classes); need not sum to 1."""
    confusion: Floats
    """(labelers, classes said, true classes); need not sum to 1 either: expectations of logarithms do not."""
    average: Floats
    """(classes said, true classes): that of a labeler of whom nothing is known."""
    method: str
    version: str
    iterations: int
    converged: bool

    def apply(self, table: LabelTable) -> Consensus:
        """The posterior of every item of a table with the same labelers and classes; see Model."""
        confusion = self.rows(len(table.labelers))
        posterior = split(table).posteriors(self.prior, confusion)
        others = WithoutEach(table, self.prior, confusion)
        return Consensus(posterior, others, self.method, self.version, self.iterations, self.converged)

    def rows(self, labelers: int) -> Floats:
        """(labelers x classes said, true classes) of so many labelers: those that are known, then average ones."""
        classes, new = len(self.prior), labelers - len(self.confusion)
        known = self.confusion.reshape(-1, classes)
        return np.concatenate([known, *[self.average] * new]) if new else known


@dataclass(frozen=True)
class WithoutEach:
    """For every label, the winner of its item without it; see Consensus.others."""

    table: LabelTable
    prior: Floats
    confusion: Floats

    def __call__(self) -> Others:
        """The winner without each label."""
        from labelmill_quality.aggregation.confusion_loops import without_each

        table, weights = self.table, self.table.weights
        winners, tied = np.empty(len(table), np.int32), np.empty(len(table), np.bool_)
        log_prior, log_confusion = (np.log(np.maximum(each, _TINY)) for each in (self.prior, self.confusion))
        given = np.empty(0) if weights is None else weights
        without_each(table.offsets, table.cells, given, log_prior, log_confusion, winners, tied)
        return Others(winners, tied)
