"""How good each label is, by the probabilities of a model that has not seen it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from scipy.special import xlogy

from labelmill_quality.label_errors.confident_joint import Codes, Floats

_LEAST = 1e-6


def self_confidence(labels: Codes, probabilities: Floats) -> Floats:
    """The probability of the label."""
    return np.asarray(probabilities[np.arange(len(labels)), labels], np.float64)


def normalized_margin(labels: Codes, probabilities: Floats) -> Floats:
    """(1 + p_label - the largest other p) / 2."""
    rows = np.arange(len(labels))
    others = np.array(probabilities, np.float64)
    own = others[rows, labels].copy()
    others[rows, labels] = -np.inf
    return np.asarray((own - others.max(axis=1) + 1) / 2, np.float64)


def confidence_weighted_entropy(labels: Codes, probabilities: Floats) -> Floats:
    """log(1 + x) / x, where x is the entropy in [0, 1] over p_label (as cleanlab has it)."""
    entropy = -xlogy(probabilities, probabilities).sum(axis=1) / np.log(probabilities.shape[1])
    ratio = entropy / np.maximum(self_confidence(labels, probabilities), _LEAST)
    return np.asarray(np.log1p(ratio) / np.maximum(ratio, _LEAST), np.float64)


Score = Callable[[Codes, Floats], Floats]

SCORES: Mapping[str, Score] = MappingProxyType(
    {
        "self_confidence": self_confidence,
        "normalized_margin": normalized_margin,
        "confidence_weighted_entropy": confidence_weighted_entropy,
    }
)
DEFAULT = "self_confidence"
