"""What the others say about the item of each label: the consensus without that label. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labelmill_quality.aggregation.consensus import Consensus, Flags, Floats, Others, pick
from labelmill_quality.labels import Codes, LabelTable

if TYPE_CHECKING:
    from labelmill_quality.aggregation import Model

_CHUNK_CELLS = 4_000_000
_MANY_LABELS = 100


@dataclass(frozen=True)
class ByContributions:
    """For methods in which an item's score is a sum over its labels: a label's own part is taken away again.

    Args:
        table: The labels.
        scores: (items, classes): the sum of what every label says for every class, plus a prior; the largest wins.
        contributions: (labelers, classes said, classes): what one label adds to the scores of its item.
    """

    table: LabelTable
    scores: Floats
    contributions: Floats

    def __call__(self) -> Others:
        """The winner without each label."""
        table, winners, tied = self.table, np.empty(len(self.table), np.int32), np.empty(len(self.table), np.bool_)
        step = max(1, _CHUNK_CELLS // len(table.classes))
        for start in range(0, len(table), step):
            rows = slice(start, start + step)
            own = self.contributions[table.labeler_codes[rows], table.class_codes[rows]]
            if table.weights is not None:
                own = own * table.weights[rows, None]
            winners[rows], tied[rows] = pick(self.scores[table.item_codes[rows]] - own)
        return Others(winners, tied)


@dataclass(frozen=True)
class ByApplying:
    """For every method: the model judges the items anew, each time without one label of each.

    As many times as the item with the most labels has labels; items with fewer no longer take part. Of an item with
    more than a hundred labels none is taken away: that would cost the square of their number, and one in a hundred
    hardly tells.
    """

    model: Model
    table: LabelTable

    def __call__(self) -> Others:
        """The winner without each label."""
        table, labels = self.table, self.table.labels_per_item
        winners, tied = np.zeros(len(table), np.int32), np.ones(len(table), np.bool_)
        many = labels > _MANY_LABELS
        if many.any():
            consensus = self.model.apply(table.about(many))
            rows = many[table.item_codes]
            places = (np.cumsum(many) - 1)[table.item_codes[rows]]
            winners[rows], tied[rows] = consensus.winners[places], consensus.tied[places]
        for rank in range(int(labels[~many].max(initial=0))):
            several = (labels > max(rank, 1)) & ~many
            part = table.about(several)
            left_out = np.arange(len(part)) - part.offsets[part.item_codes] == rank
            consensus = self.model.apply(part.only(~left_out))
            rows = np.flatnonzero(several[table.item_codes])[left_out]  # one of each item
            winners[rows], tied[rows] = consensus.winners, consensus.tied
        return Others(winners, tied)


@dataclass(frozen=True)
class Anchored:
    """Where the truth is known, the others say the truth."""

    table: LabelTable
    anchors: Codes
    consensus: Consensus

    def __call__(self) -> Others:
        """The winner without each label."""
        others = self.consensus.others()
        gold = self.anchors[self.table.item_codes]
        known: Flags = gold >= 0
        return Others(np.where(known, gold, others.winners).astype(np.int32), others.tied & ~known)
