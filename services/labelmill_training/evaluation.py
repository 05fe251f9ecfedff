"""How good a classifier is on held-out gold: every number with its interval. Pure.

Accuracy has a Wilson interval; the others have percentile intervals from resampling the items. Only logits and the gold
classes go in, so any model can be evaluated alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BOOTSTRAP_COUNT = 1000
CONFIDENCE_LEVEL = 0.95
BIN_COUNT = 10

_Z = 1.959963984540054  # the normal quantile of (1 + CONFIDENCE_LEVEL) / 2
_CHUNK = 2_000_000  # resampled items held in memory at once
_LEAST_PROBABILITY = 1e-15


@dataclass(frozen=True)
class Estimate:
    """A number with its uncertainty and its source."""

    value: float
    lower: float
    upper: float
    method: str
    interval_method: str
    sample_count: int
    confidence_level: float = CONFIDENCE_LEVEL


@dataclass(frozen=True)
class Evaluation:
    """How good a model version is on held-out gold."""

    accuracy: Estimate
    macro_f1: Estimate
    log_loss: Estimate
    calibration_error: Estimate
    confusion: tuple[tuple[int, ...], ...]
    """Gold in rows, predictions in columns."""
    majority_class_accuracy: float
    """Accuracy of always answering the commonest training class."""


def evaluate(logits: Floats, gold: Ints, *, temperature: float, majority_class: int, seed: int) -> Evaluation:
    """Evaluates calibrated predictions against gold.

    Args:
        logits: One row an item, one column a class.
        gold: The class index of each item; at least one item.
        temperature: Divides the logits.
        majority_class: The commonest class of the training set.
        seed: Of the resampling.
    """
    probabilities = softmax(logits / temperature)
    count, classes = probabilities.shape
    predicted = probabilities.argmax(axis=1)
    right = predicted == gold
    confidence = probabilities.max(axis=1)
    losses = -np.log(np.maximum(probabilities[np.arange(count), gold], _LEAST_PROBABILITY))
    pairs = gold * classes + predicted
    bins = np.minimum((confidence * BIN_COUNT).astype(np.int64), BIN_COUNT - 1)
    gaps = right - confidence

    def bootstrapped(method: str, statistic: Callable[[Ints], Floats]) -> Estimate:
        value = float(statistic(np.arange(count)[None, :])[0])
        lower, upper = bootstrap_interval(statistic, count, seed)
        return Estimate(value, lower, upper, method, f"bootstrap_items_{BOOTSTRAP_COUNT}", count)

    return Evaluation(
        accuracy=wilson("accuracy", int(right.sum()), count),
        macro_f1=bootstrapped("macro_f1", lambda rows: _macro_f1(pairs[rows], classes)),
        log_loss=bootstrapped("log_loss", lambda rows: losses[rows].mean(axis=1)),
        calibration_error=bootstrapped(
            f"expected_calibration_error_{BIN_COUNT}", lambda rows: _calibration_error(bins[rows], gaps[rows])
        ),
        confusion=tuple(map(tuple, _confusions(pairs[None, :], classes)[0].astype(int).tolist())),
        majority_class_accuracy=float((gold == majority_class).mean()),
    )


def softmax(logits: Floats) -> Floats:
    """Probabilities of each row of logits."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), dtype=np.float64)


def wilson(method: str, successes: int, count: int) -> Estimate:
    """A share with its Wilson score interval."""
    share = successes / count
    denominator = 1 + _Z**2 / count
    centre = (share + _Z**2 / (2 * count)) / denominator
    half = _Z / denominator * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    # At 0 and 1 the interval ends at the share itself; rounding must not put it outside.
    return Estimate(
        share, min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half)), method, "wilson", count
    )


def bootstrap_interval(statistic: Callable[[Ints], Floats], count: int, seed: int) -> tuple[float, float]:
    """The percentile interval of a statistic over items drawn with replacement.

    Args:
        statistic: From item indices, [replicates, items], to one number a replicate.
        count: Items.
        seed: Of the draws.
    """
    random = np.random.default_rng(seed)
    step = max(1, _CHUNK // count)
    sizes = [min(step, BOOTSTRAP_COUNT - start) for start in range(0, BOOTSTRAP_COUNT, step)]
    values = np.concatenate([statistic(random.integers(0, count, (size, count))) for size in sizes])
    tail = (1 - CONFIDENCE_LEVEL) / 2
    lower, upper = np.quantile(values, [tail, 1 - tail])
    return float(lower), float(upper)


def _confusions(pairs: Ints, classes: int) -> Floats:
    """One confusion matrix a replicate, from gold * classes + predicted."""
    cells = classes * classes
    offsets = np.arange(len(pairs))[:, None] * cells
    counts = np.bincount((pairs + offsets).ravel(), minlength=len(pairs) * cells)
    return counts.reshape(len(pairs), classes, classes).astype(np.float64)


def _macro_f1(pairs: Ints, classes: int) -> Floats:
    """Mean F1 of the classes that occur in the gold or in the predictions of a replicate."""
    tables = _confusions(pairs, classes)
    both = tables.sum(axis=2) + tables.sum(axis=1)
    occurs = both > 0
    f1 = np.divide(2 * np.diagonal(tables, axis1=1, axis2=2), both, out=np.zeros_like(both), where=occurs)
    return np.asarray(f1.sum(axis=1) / occurs.sum(axis=1), dtype=np.float64)


def _calibration_error(bins: Ints, gaps: Floats) -> Floats:
    """Mean over items of the absolute gap between accuracy and confidence of the item's bin."""
    replicates, count = bins.shape
    offsets = np.arange(replicates)[:, None] * BIN_COUNT
    sums = np.bincount((bins + offsets).ravel(), weights=gaps.ravel(), minlength=replicates * BIN_COUNT)
    return np.asarray(np.abs(sums.reshape(replicates, BIN_COUNT)).sum(axis=1) / count, dtype=np.float64)
