"""Logits to calibrated probabilities by temperature scaling (Guo et al., On Calibration of Modern Neural Nets, 2017).

p = softmax(logits / T). T is fitted on held-out data by whoever trained the model; 1 leaves the softmax as it is.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def probabilities(logits: npt.NDArray[np.floating], temperature: float = 1.0) -> npt.NDArray[np.float64]:
    """Row-wise probabilities; each row sums to 1."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)  # exp of large logits overflows
    weights = np.exp(scaled)
    result: npt.NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return result
