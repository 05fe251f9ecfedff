"""Labelers against the consensus. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelmill_quality.aggregation.consensus import Consensus, pick
from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import proportion
from labelmill_quality.labels import LabelTable

NO_OTHERS = "no item that others labeled and agreed on"
_CHUNK_CELLS = 4_000_000


def agreement_with_others(table: LabelTable, consensus: Consensus) -> list[Estimate]:
    """For each labeler, the share of labels that equal the consensus of the other labelers about the item.

    Leave-one-out: a label's own contribution is taken from its item's scores before the winner is picked, so nobody
    agrees with themselves. Items without other labels, or on which the others are tied, say nothing and are left out.
    """
    others = np.empty(len(table), np.int32)
    counted = table.labels_per_item[table.item_codes] >= 2
    step = max(1, _CHUNK_CELLS // len(table.classes))
    for start in range(0, len(table), step):
        rows = slice(start, start + step)
        own = consensus.contributions[table.labeler_codes[rows], table.class_codes[rows]]
        others[rows], tied = pick(consensus.scores[table.item_codes[rows]] - own)
        counted[rows] &= ~tied
    agreed = counted & (others == table.class_codes)
    size = len(table.labelers)
    trials = np.bincount(table.labeler_codes[counted], minlength=size)
    successes = np.bincount(table.labeler_codes[agreed], minlength=size)
    method = f"agreement_with_others_{consensus.method}"
    return [proportion(int(s), int(n), method, NO_OTHERS) for s, n in zip(successes, trials, strict=True)]


def consensus_confusions(table: LabelTable, posterior: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(labelers, consensus classes, classes said): each label counted under its item's posterior."""
    labelers, classes = len(table.labelers), len(table.classes)
    counts = (table.design.T @ posterior).reshape(labelers, classes, classes)
    return np.ascontiguousarray(counts.transpose(0, 2, 1))
