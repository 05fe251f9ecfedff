"""Which items are hard, and which are disputed. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.aggregation.consensus import Consensus
from labelmill_quality.labels import Codes, LabelTable

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ItemScores:
    """(items) columns."""

    winners: Codes
    """The likeliest class."""
    runners_up: Codes
    """The next likeliest; -1 where there is just one class."""
    margin: Floats
    """Posterior of the likeliest less that of the next: 0 is a draw, 1 is certain. Not calibrated."""
    entropy: Floats
    """Of the posterior, over the largest possible: 0 is certain, 1 is anything."""
    disagreement: Floats
    """Share of the pairs of labels that differ; NaN where there is no pair."""
    difficulty: Floats
    """Labels that are not the winner, less the errors to be expected of these labelers, in standard deviations: above
    0, an item is harder than most. NaN where no label is expected to err."""

    def disputed(self) -> npt.NDArray[np.intp]:
        """The items, most disputed first: by entropy, then margin, then disagreement, then their order."""
        missing = np.where(np.isnan(self.disagreement), -1.0, self.disagreement)
        order: npt.NDArray[np.intp] = np.lexsort((-missing, self.margin, -self.entropy))
        return order


def item_scores(table: LabelTable, consensus: Consensus, reliabilities: Floats) -> ItemScores:
    """The scores of every item.

    Args:
        table: The labels.
        consensus: About the table's items.
        reliabilities: (labelers): how often each is right; NaN where that is not known.
    """
    posterior, size = consensus.posterior, len(table.classes)
    if size > 1:
        runners = np.argpartition(posterior, size - 2, axis=1)[:, -2:]
        best = posterior[np.arange(len(posterior))[:, None], runners]
        winner_last = np.where((runners[:, 1] == consensus.winners)[:, None], runners, runners[:, ::-1])
        margin, next_best = np.abs(best[:, 1] - best[:, 0]), winner_last[:, 0].astype(np.int32)
    else:
        margin, next_best = np.ones(len(posterior)), np.full(len(posterior), -1, np.int32)
    spread = -(posterior * np.log(np.where(posterior > 0, posterior, 1))).sum(axis=1)
    return ItemScores(
        consensus.winners,
        next_best,
        margin,
        np.maximum(spread / np.log(max(size, 2)), 0.0),
        _disagreement(table),
        _difficulty(table, consensus.winners, reliabilities),
    )


def _disagreement(table: LabelTable) -> Floats:
    votes, sizes = table.sparse_votes, table.labels_per_item.astype(np.float64)
    same = np.asarray(votes.multiply(votes).sum(axis=1)).ravel() - sizes
    pairs = sizes * (sizes - 1)
    return np.where(pairs > 0, 1 - same / np.maximum(pairs, 1), np.nan)


def _difficulty(table: LabelTable, winners: Codes, reliabilities: Floats) -> Floats:
    typical = np.nanmean(reliabilities) if np.isfinite(reliabilities).any() else np.nan
    right = np.where(np.isfinite(reliabilities), reliabilities, typical)[table.labeler_codes]
    wrong = table.class_codes != winners[table.item_codes]
    size = len(table.items)
    surplus = np.bincount(table.item_codes, wrong - (1 - right), minlength=size)
    variance = np.bincount(table.item_codes, right * (1 - right), minlength=size)
    return np.where(variance > 0, surplus / np.sqrt(np.where(variance > 0, variance, 1.0)), np.nan)
