"""Weighted majority: votes count by how often their labeler agrees with the majority. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.aggregation.consensus import Consensus
from labelmill_quality.aggregation.leave_one_out import ByContributions
from labelmill_quality.labels import NO_GOLD, Codes, LabelTable

Floats = npt.NDArray[np.float64]

NAME = "weighted_majority"
VERSION = "1"
_SMOOTHING = 2.0
"""Labels of an average labeler that everybody starts with: one answer makes nobody perfect or worthless."""
_LEAST = 1e-6


@dataclass(frozen=True)
class WeightedMajority:
    """What was learned."""

    weights: Floats
    """(labelers), in (0, 1]."""
    average: float
    """That of a labeler of whom nothing is known."""

    def apply(self, table: LabelTable) -> Consensus:
        """The shares of weighted votes about every item; see Model."""
        classes, new = len(table.classes), len(table.labelers) - len(self.weights)
        weights = np.concatenate([self.weights, np.full(new, self.average)])
        of_labels = weights[table.labeler_codes] * (1.0 if table.weights is None else table.weights)
        cells = table.item_codes.astype(np.int64) * classes + table.class_codes
        scores: Floats = np.bincount(cells, of_labels, minlength=len(table.items) * classes).astype(np.float64)
        scores = scores.reshape(-1, classes)
        contributions = weights[:, None, None] * np.eye(classes)
        others = ByContributions(table, scores, contributions)
        return Consensus(scores / scores.sum(axis=1, keepdims=True), others, NAME, VERSION)


def fit(table: LabelTable, anchors: Codes | None = None) -> WeightedMajority:
    """Learns the weights: worker agreement with aggregate (Wawa, as Toloka's crowd-kit calls it), smoothed.

    With m_i the majority's class of item i (its gold class where that is known), n_l the labels of labeler l and a_l
    those of them that say m_i, all labels together agreeing in a share w:

        w_l = (a_l + 2 w) / (n_l + 2)
        p(y_i = c)  proportional to  sum of w_l over the labelers who called i c

    Where the majority is tied, a label agrees by its share among the tied classes.
    """
    votes = table.votes
    best = votes >= votes.max(axis=1, keepdims=True, initial=0.0) - 1e-9
    majority = best / np.maximum(best.sum(axis=1, keepdims=True), 1)
    if anchors is not None:
        known = np.flatnonzero(anchors != NO_GOLD)
        majority[known] = 0.0
        majority[known, anchors[known]] = 1.0
    agreed = majority[table.item_codes, table.class_codes]
    of_labels = np.ones(len(table)) if table.weights is None else table.weights
    agreements = np.bincount(table.labeler_codes, of_labels * agreed, minlength=len(table.labelers))
    labels = np.bincount(table.labeler_codes, of_labels, minlength=len(table.labelers))
    average = float(np.average(agreed, weights=of_labels)) if len(agreed) else 1.0
    weights = (agreements + _SMOOTHING * average) / (labels + _SMOOTHING)
    return WeightedMajority(np.maximum(weights, _LEAST), max(average, _LEAST))
