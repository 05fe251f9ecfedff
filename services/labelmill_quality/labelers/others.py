"""Labelers against the consensus. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelmill_quality.aggregation.consensus import Consensus
from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import proportion
from labelmill_quality.labels import LabelTable

NO_OTHERS = "no item that others labeled and agreed on"


def agreement_with_others(table: LabelTable, consensus: Consensus) -> list[Estimate]:
    """For each labeler, the share of labels that equal the consensus of the other labelers about the item.

    Leave-one-out: the winner is picked without the label, so nobody agrees with themselves. Items without other labels,
    or on which the others are tied, say nothing and are left out.
    """
    others = consensus.others()
    counted = (table.labels_per_item[table.item_codes] >= 2) & ~others.tied
    agreed = counted & (others.winners == table.class_codes)
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
