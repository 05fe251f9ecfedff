"""What is believed of every item before more labels are bought. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labelmill_quality.aggregation import dawid_skene, with_classifier
from labelmill_quality.aggregation.consensus import Consensus
from labelmill_quality.aggregation.temperature import LEAST_GOLD, fit_temperature, tempered
from labelmill_quality.labels import NO_GOLD, Codes, Floats, LabelTable

PRIOR_LABELS = 10.0
"""Labels of an average labeler about each class in what is believed of a certain one."""
_FIRM = dawid_skene.Options(spread=2.0)
"""A firmer prior than for aggregation: with two or three labels an item, EM is else sure of itself before its time.
Chosen of spreads 0.5 and 2, diagonals 2, 4 and 8 on the sets of benchmarks/quality/stopping.py: no held-out figure."""


@dataclass(frozen=True)
class Belief:
    """Posteriors, and what the next labeler is expected to be like."""

    posterior: Floats
    """(items, classes): calibrated where there was gold enough; items with gold are certain."""
    confusion: Floats
    """(classes said, true classes): of who gives the next labels; columns sum to 1."""
    method: str
    version: str
    temperature: float = 1.0
    """By which the logarithms of the posteriors were divided."""
    calibrated_on: int = 0
    """Items with gold that the temperature was fitted on."""


def believe(
    table: LabelTable, anchors: Codes | None = None, predictions: Floats | None = None, labeler: int | None = None
) -> Belief:
    """Infers classes and labelers.

    By Dawid and Skene's model with a firm prior, or with a classifier where there are predictions; never by a model
    whose only parameter is a labeler's accuracy, which calls everything the commonest class when labels are few. From
    20 items with gold on, one temperature is fitted on them, as they are judged without their gold.

    Args:
        table: The labels.
        anchors: The known class of every item, NO_GOLD where there is none.
        predictions: (items, classes): a classifier's probabilities, NaN where it said nothing; None: no classifier.
        labeler: Who gives the next labels; None: an average labeler.
    """
    consensus = _infer(table, anchors, predictions)
    posterior, confusion = consensus.posterior, _confusion(table, consensus.posterior, labeler)
    known = np.flatnonzero(anchors != NO_GOLD) if anchors is not None else np.empty(0, np.int64)
    temperature, calibrated = 1.0, 0
    if anchors is not None and len(known) >= LEAST_GOLD:
        unaided = _infer(table, None, predictions).posterior
        temperature, calibrated = fit_temperature(unaided[known], anchors[known]), len(known)
        posterior = tempered(posterior, temperature)
    if anchors is not None:
        posterior = posterior.copy()
        posterior[known] = np.eye(posterior.shape[1])[anchors[known]]
    return Belief(posterior, confusion, consensus.method, consensus.version, temperature, calibrated)


def _infer(table: LabelTable, anchors: Codes | None, predictions: Floats | None) -> Consensus:
    if predictions is None:
        return dawid_skene.fit(table, anchors, _FIRM).apply(table)
    return with_classifier.combine(table, predictions, anchors).consensus


def _confusion(table: LabelTable, posterior: Floats, labeler: int | None) -> Floats:
    """What is said (rows) of each class (columns), by what is believed: by everybody, or by one as far as it shows."""
    classes = len(table.classes)
    average = _counted(table, posterior) + _FIRM.spread / classes + _FIRM.diagonal * np.eye(classes)
    average /= average.sum(axis=0)
    if labeler is None:
        return average
    counts = _counted(table.only(table.labeler_codes == labeler), posterior) + PRIOR_LABELS * average
    shares: Floats = counts / counts.sum(axis=0)
    return shares


def _counted(table: LabelTable, posterior: Floats) -> Floats:
    shared = posterior[table.item_codes]
    if table.weights is not None:
        shared *= table.weights[:, None]
    counts: Floats = np.stack([shared[table.class_codes == said].sum(axis=0) for said in range(len(table.classes))])
    return counts
