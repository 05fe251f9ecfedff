"""Answers against gold. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import proportion
from labelmill_quality.labels import NO_GOLD, Codes, LabelTable

NO_ANSWERS = "no answer about an item with gold"
NO_SHARED_ITEMS = "no item with gold was labeled by several labelers"
NO_GOLD_OF_CLASS = "no answer about an item whose gold is this class"
CLASS_NOT_ANSWERED = "no answer about an item with gold was this class"


@dataclass(frozen=True)
class BenchmarkScore:
    """How the answers about items with gold compare with it."""

    labelers: Sequence[str]
    labeler_confusions: npt.NDArray[np.float64]
    """(labelers, gold classes, classes said): counts."""

    @property
    def confusion(self) -> npt.NDArray[np.float64]:
        """(gold classes, classes said): counts over all labelers."""
        total: npt.NDArray[np.float64] = self.labeler_confusions.sum(axis=0)
        return total

    @property
    def answers_per_labeler(self) -> npt.NDArray[np.int64]:
        """Scored answers of each labeler."""
        counts: npt.NDArray[np.int64] = self.labeler_confusions.sum(axis=(1, 2)).astype(np.int64)
        return counts

    def accuracy(self) -> Estimate:
        """The share of right answers over all labelers."""
        return _accuracy(self.confusion)

    def labeler_accuracies(self) -> list[Estimate]:
        """The share of right answers of each labeler."""
        return [_accuracy(confusion) for confusion in self.labeler_confusions]

    def recalls(self) -> list[Estimate]:
        """For each class, the share of answers about its gold that said it."""
        return _shares(self.confusion.diagonal(), self.confusion.sum(axis=1), "benchmark_recall", NO_GOLD_OF_CLASS)

    def precisions(self) -> list[Estimate]:
        """For each class, the share of answers saying it that were right."""
        return _shares(self.confusion.diagonal(), self.confusion.sum(axis=0), "benchmark_precision", CLASS_NOT_ANSWERED)


def score_benchmark(table: LabelTable, gold: Codes) -> BenchmarkScore:
    """Compares the answers about items with gold; the others are left out.

    Args:
        table: The answers.
        gold: The class of every item of the table, NO_GOLD where there is none.
    """
    truth = gold[table.item_codes]
    known = truth != NO_GOLD
    size = len(table.classes)
    cells = (table.labeler_codes[known].astype(np.int64) * size + truth[known]) * size + table.class_codes[known]
    shape = (len(table.labelers), size, size)
    counts = np.bincount(cells, minlength=shape[0] * size * size).reshape(shape)
    return BenchmarkScore(table.labelers, counts.astype(np.float64))


def consensus_accuracy(winners: Codes, labels_per_item: Sequence[int] | npt.NDArray[np.int64], gold: Codes) -> Estimate:
    """The share of items with gold and at least two labels whose consensus is right."""
    several = (gold != NO_GOLD) & (np.asarray(labels_per_item) >= 2)
    right = int((winners[several] == gold[several]).sum())
    return proportion(right, int(several.sum()), "consensus_accuracy", NO_SHARED_ITEMS)


def _accuracy(confusion: npt.NDArray[np.float64]) -> Estimate:
    return proportion(float(confusion.trace()), int(confusion.sum()), "benchmark_accuracy", NO_ANSWERS)


def _shares(
    right: npt.NDArray[np.float64], total: npt.NDArray[np.float64], method: str, undefined_reason: str
) -> list[Estimate]:
    return [proportion(float(r), int(t), method, undefined_reason) for r, t in zip(right, total, strict=True)]
