"""What is believed of every item before more labels are bought. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labelmill_quality.aggregation import dawid_skene, with_classifier
from labelmill_quality.aggregation.temperature import LEAST_GOLD, fit_temperature, tempered
from labelmill_quality.labels import NO_GOLD, Codes, Floats, LabelTable

_FIRM = dawid_skene.Options(spread=2.0)
"""A firmer prior than for aggregation: with two or three labels an item, EM is else sure of itself before its time.
Chosen of spreads 0.5 and 2, diagonals 2, 4 and 8 on the sets of benchmarks/quality/stopping.py: no held-out figure."""


@dataclass(frozen=True)
class Belief:
    """Posteriors, and what the next labeler is expected to be like."""

    posterior: Floats
    """(items, classes): calibrated where there was gold enough; items with gold are certain."""
    confusion: Floats
    """(classes said, true classes): of an average labeler; columns sum to 1."""
    method: str
    version: str
    temperature: float = 1.0
    """By which the logarithms of the posteriors were divided."""
    calibrated_on: int = 0
    """Items with gold that the temperature was fitted on."""


def believe(table: LabelTable, anchors: Codes | None = None, predictions: Floats | None = None) -> Belief:
    """Infers classes and labelers.

    By Dawid and Skene's model with a firm prior, or with a classifier where there are predictions; never by a model
    whose only parameter is a labeler's accuracy, which calls everything the commonest class when labels are few. From
    20 items with gold on, one temperature is fitted on them, as they are judged without their gold.

    Args:
        table: The labels.
        anchors: The known class of every item, NO_GOLD where there is none.
        predictions: (items, classes): a classifier's probabilities, NaN where it said nothing; None: no classifier.
    """
    posterior, confusion, method, version = _infer(table, anchors, predictions)
    known = np.flatnonzero(anchors != NO_GOLD) if anchors is not None else np.empty(0, np.int64)
    if anchors is None or not len(known):
        return Belief(posterior, confusion, method, version)
    temperature, calibrated = 1.0, 0
    if len(known) >= LEAST_GOLD:
        unaided = _infer(table, None, predictions)[0]
        temperature, calibrated = fit_temperature(unaided[known], anchors[known]), len(known)
        posterior = tempered(posterior, temperature)
    posterior[known] = np.eye(posterior.shape[1])[anchors[known]]
    return Belief(posterior, confusion, method, version, temperature, calibrated)


def _infer(table: LabelTable, anchors: Codes | None, predictions: Floats | None) -> tuple[Floats, Floats, str, str]:
    if predictions is None:
        model = dawid_skene.fit(table, anchors, _FIRM)
        consensus, confusion = model.apply(table), model.average
    else:
        consensus = with_classifier.combine(table, predictions, anchors).consensus
        confusion = _average_confusion(table, consensus.posterior)
    return consensus.posterior, confusion / confusion.sum(axis=0), consensus.method, consensus.version


def _average_confusion(table: LabelTable, posterior: Floats) -> Floats:
    """(classes said, true classes): all labels counted by what is believed, with a little of everything."""
    classes = len(table.classes)
    shared = posterior[table.item_codes]
    counts = np.stack([shared[table.class_codes == said].sum(axis=0) for said in range(classes)])
    firm: Floats = counts + _FIRM.spread / classes + _FIRM.diagonal * np.eye(classes)
    return firm
