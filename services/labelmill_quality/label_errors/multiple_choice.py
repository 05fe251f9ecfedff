"""Errors among any number of classes an item: every class is judged by itself, yes against no. Pure."""

from __future__ import annotations

import numpy as np

from labelmill_quality.label_errors import label_quality, pruning
from labelmill_quality.label_errors.confident_joint import Flags, Floats, confident_joint

_FORGETTING = 0.8


def find_errors(given: Flags, probabilities: Floats, method: str = pruning.DEFAULT) -> Flags:
    """(items, classes): the class is probably wrong, or wrongly missing.

    Args:
        given: (items, classes): the item has the class.
        probabilities: (items, classes): that it has; rows need not sum to 1.
        method: A name of pruning.FILTERS.
    """
    return np.stack([_column(given[:, one], probabilities[:, one], method) for one in range(given.shape[1])], axis=1)


def noise_counts(given: Flags, probabilities: Floats) -> Floats:
    """(classes): the share of items whose answer about the class is estimated to be wrong."""
    shares = []
    for one in range(given.shape[1]):
        joint = confident_joint(given[:, one].astype(np.int32), _both(probabilities[:, one]))
        shares.append(1 - np.trace(joint.counts) / max(joint.counts.sum(), 1))
    return np.array(shares)


def score_classes(given: Flags, probabilities: Floats, score: str = label_quality.DEFAULT) -> Floats:
    """(items, classes): how good each answer is."""
    columns = [
        label_quality.SCORES[score](given[:, one].astype(np.int32), _both(probabilities[:, one]))
        for one in range(given.shape[1])
    ]
    return np.stack(columns, axis=1)


def score_items(scores: Floats) -> Floats:
    """(items): an exponential moving average over the classes' scores, best first, so that the worst weighs most."""
    ranked = -np.sort(-scores, axis=1)
    average = ranked[:, 0]
    for column in range(1, ranked.shape[1]):
        average = _FORGETTING * ranked[:, column] + (1 - _FORGETTING) * average
    return np.asarray(average, np.float64)


def _column(given: Flags, probabilities: Floats, method: str) -> Flags:
    labels, both = given.astype(np.int32), _both(probabilities)
    return pruning.find_errors(labels, both, confident_joint(labels, both), method)


def _both(probabilities: Floats) -> Floats:
    return np.stack([1 - probabilities, probabilities], axis=1)
