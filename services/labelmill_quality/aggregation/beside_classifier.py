"""Consensus with a classifier: the method, its calibration and gold put together. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from labelmill_quality.aggregation import crowdlab, with_classifier
from labelmill_quality.aggregation.consensus import Consensus
from labelmill_quality.aggregation.leave_one_out import Anchored
from labelmill_quality.aggregation.temperature import LEAST_GOLD, fit_temperature, tempered
from labelmill_quality.errors import PredictionMissing, RepeatsNotWeighed
from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import proportion
from labelmill_quality.labels import NO_GOLD, Codes, Floats, LabelTable


@dataclass(frozen=True)
class Judged:
    """A consensus with a classifier, and what is to be known of it."""

    consensus: Consensus
    trust: with_classifier.ClassifierTrust | None
    """None: of CROWDLAB, which only weighs."""
    temperature: float
    calibrated_on: int
    """Items with gold that the temperature was fitted on."""

    def label_probabilities(self, table: LabelTable) -> Floats:
        """(labels): how likely each label is right, given all labels and the predictions."""
        found: Floats = self.consensus.posterior[table.item_codes, table.class_codes]
        return found

    def classifier_agreement(self, predictions: Floats, anchors: Codes | None) -> Estimate:
        """How often the classifier alone says what the consensus says."""
        asked = ~np.isnan(predictions).any(axis=1)
        if anchors is not None:
            asked &= anchors == NO_GOLD
        same = predictions[asked].argmax(axis=1) == self.consensus.winners[asked]
        reason = "no item without gold has a prediction"
        return proportion(int(same.sum()), len(same), "classifier_agreement", reason)


def judge(method: str, table: LabelTable, predictions: Floats, anchors: Codes | None = None) -> Judged:
    """The consensus of labelers and classifier.

    Args:
        method: The name of with_classifier or of crowdlab.
        table: The labels.
        predictions: (items, classes): out-of-sample probabilities of a classifier, NaN where it said nothing.
        anchors: The known class of every item, NO_GOLD where there is none.

    Raises:
        PredictionMissing: CROWDLAB, and an item has no prediction.
        RepeatsNotWeighed: CROWDLAB, and not every label counts fully.
    """
    if method == crowdlab.NAME:
        if np.isnan(predictions).any():
            raise PredictionMissing
        if table.weights is not None:
            raise RepeatsNotWeighed(method)
        return Judged(_with_gold(table, crowdlab.combine(table, predictions), anchors), None, 1.0, 0)
    combined = with_classifier.combine(table, predictions, anchors)
    consensus, temperature, calibrated = combined.consensus, 1.0, 0
    known = np.flatnonzero(anchors != NO_GOLD) if anchors is not None else np.empty(0, np.int64)
    if anchors is not None and len(known) >= LEAST_GOLD:
        unaided = with_classifier.combine(table, predictions).consensus.posterior
        temperature, calibrated = fit_temperature(unaided[known], anchors[known]), len(known)
        consensus = replace(consensus, posterior=tempered(consensus.posterior, temperature))
    return Judged(_with_gold(table, consensus, anchors), combined.trust, temperature, calibrated)


def _with_gold(table: LabelTable, consensus: Consensus, anchors: Codes | None) -> Consensus:
    if anchors is None:
        return consensus
    known = np.flatnonzero(anchors != NO_GOLD)
    posterior = consensus.posterior.copy()
    posterior[known] = np.eye(posterior.shape[1])[anchors[known]]
    return replace(consensus, posterior=posterior, others=Anchored(table, anchors, consensus))
