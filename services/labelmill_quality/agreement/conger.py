"""Conger's kappa: Fleiss' observed agreement, corrected by the labelers' own habits. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.labels import LabelTable

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Habits:
    """What Conger's kappa adds to the observed agreement."""

    expected: float
    """p_e."""
    by_item: Floats
    """(items): what each item adds to p_e; their mean over the items with labels is p_e."""


def habits(table: LabelTable, weights: Floats) -> Habits:
    """The agreement expected between two different labelers who answer each by their own habit.

    With p_gk the share of class k in the answers of labeler g, over the r labelers who gave any:

        p_e = 1 / (r (r - 1))  sum_{g != h} sum_kl w_kl p_gk p_hl

    The part of an item is that of Gwet's variance (Handbook of Inter-Rater Reliability; irrCAC). For two labelers who
    both answered every item this is Cohen's kappa.
    (A. J. Conger, Psychological Bulletin 88, 1980.)

    Args:
        table: Labels of at least two labelers.
        weights: (classes, classes): how much two classes agree.
    """
    size, items = len(table.classes), int((table.labels_per_item > 0).sum())
    cells = table.labeler_codes.astype(np.int64) * size + table.class_codes
    counts = np.bincount(cells, minlength=len(table.labelers) * size).reshape(-1, size)
    given = counts.sum(axis=1)
    shares = counts / np.maximum(given, 1)[:, None]
    labelers = int((given > 0).sum())
    total = shares.sum(axis=0)
    others = (total - shares) @ weights  # (labelers, classes): agreement of a class with the habits of all others
    own = (others * shares).sum(axis=1)
    pairs = labelers * (labelers - 1)
    scale = items / np.maximum(given, 1)
    parts = scale[table.labeler_codes] * (others.ravel()[cells] - own[table.labeler_codes])
    by_item = np.bincount(table.item_codes, parts, minlength=len(table.items)) + own.sum()
    return Habits(float(own.sum()) / pairs, by_item / pairs)
