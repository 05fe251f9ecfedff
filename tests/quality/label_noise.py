"""Labels with noise in them, and a model that is mostly right."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


def simulated(
    items: int, classes: int, seed: int, noise: float = 0.08, accuracy: float = 0.9
) -> tuple[Codes, Codes, Floats]:
    """True classes (the later, the more), given labels, probabilities."""
    random = np.random.default_rng(seed)
    shares = np.arange(1, classes + 1.0) ** 2
    truth = random.choice(classes, items, p=shares / shares.sum()).astype(np.int32)
    labels = np.where(random.random(items) < noise, random.integers(0, classes, items), truth).astype(np.int32)
    liked = np.where(random.random(items) < accuracy, truth, random.integers(0, classes, items))
    weights = random.random((items, classes)) + 2.5 * np.eye(classes)[liked]
    return truth, labels, weights / weights.sum(axis=1, keepdims=True)


def multiple(items: int, classes: int, seed: int) -> tuple[npt.NDArray[np.bool_], Floats]:
    """Which classes items are said to have, and the probability of each."""
    random = np.random.default_rng(seed)
    truth = random.random((items, classes)) < 0.4
    given = truth ^ (random.random((items, classes)) < 0.08)
    probabilities = np.clip(np.where(truth, 0.75, 0.25) + random.normal(0, 0.15, (items, classes)), 0.01, 0.99)
    return given, probabilities
