"""One temperature, so that posteriors of a label model can be called probabilities. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelmill_quality.labels import Codes

Floats = npt.NDArray[np.float64]

LEAST_GOLD = 20
"""Fewer items with gold tell nothing of calibration."""
_RANGE = (0.05, 20.0)


def temperature_of(posterior: Floats, gold: Codes) -> float:
    """The temperature t that makes the gold most likely under softmax(log posterior / t); between 0.05 and 20.

    The loss is convex in 1 / t, so its slope is bisected. One item's worth of t = 1 is put in, so that gold that is all
    right does not make everything certain.

    Args:
        posterior: (items with gold, classes), of a fit that has not seen this gold.
        gold: The class of each.
    """
    logits = np.log(np.maximum(posterior, 1e-12))
    chosen = logits[np.arange(len(gold)), gold]

    def slope(inverse: float) -> float:
        scaled = inverse * logits
        likely = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        likely /= likely.sum(axis=1, keepdims=True)
        return float(((likely * logits).sum(axis=1) - chosen).sum() + np.log(inverse))

    low, high = 1 / _RANGE[1], 1 / _RANGE[0]
    for _ in range(60):
        middle = float(np.sqrt(low * high))
        low, high = (low, middle) if slope(middle) > 0 else (middle, high)
    return float(1 / np.sqrt(low * high))


def tempered(posterior: Floats, temperature: float) -> Floats:
    """The posterior at a temperature."""
    logits = np.log(np.maximum(posterior, 1e-12)) / temperature
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), np.float64)
