"""How many labels of each class are really of which: the confident joint. Pure.

(C. G. Northcutt, L. Jiang and I. L. Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels, JAIR 70,
2021. Rounding and tolerances are those of cleanlab 2.9, so that counts are the same.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]
Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

TOLERANCE = 1e-6
_CHUNK_CELLS = 8_000_000
"""Probabilities looked at once; keeps memory bounded beside the probabilities themselves."""


@dataclass(frozen=True)
class ConfidentJoint:
    """Estimated counts of labels by what they should be."""

    counts: Counts
    """(given, true): every row sums to the labels of its class."""
    off_diagonal: Flags
    """(items): confidently of another class than the given one."""
    thresholds: Floats
    """(classes): how probable a class must be to count as confident."""


def confident_joint(labels: Codes, probabilities: Floats) -> ConfidentJoint:
    """The calibrated confident joint.

    An item is confidently of class k when p_k is at least t_k, the mean p_k over the items labeled k; where several
    classes are confident, of the likeliest of them all. The counts of (given, confident) are then scaled so that every
    row sums to the labels of its class, and rounded so that it does so in whole numbers.

    Args:
        labels: The given class of each item.
        probabilities: (items, classes): of a model that has not seen the item's label.
    """
    classes = probabilities.shape[1]
    label_counts = np.bincount(labels, minlength=classes)
    thresholds = confident_thresholds(labels, probabilities, label_counts)
    counts = np.zeros((classes, classes), np.int64)
    off_diagonal = np.zeros(len(labels), bool)
    step = max(1, _CHUNK_CELLS // classes)
    for start in range(0, len(labels), step):
        part = slice(start, start + step)
        guess, sure = _guesses(probabilities[part], thresholds)
        given = labels[part]
        cells = given[sure].astype(np.int64) * classes + guess[sure]
        counts += np.bincount(cells, minlength=classes**2).reshape(classes, classes)
        off_diagonal[part] = sure & (guess != given)
    np.fill_diagonal(counts, np.maximum(counts.diagonal(), 1))
    return ConfidentJoint(_calibrated(counts, label_counts), off_diagonal, thresholds)


def confident_thresholds(labels: Codes, probabilities: Floats, label_counts: Counts) -> Floats:
    """The mean self-confidence of each class; out of reach for a class without labels."""
    own = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    sums = np.bincount(labels, own, minlength=len(label_counts))
    means = np.where(label_counts > 0, sums / np.maximum(label_counts, 1), 2.0)
    return np.maximum(means, 2 * TOLERANCE)


def round_rows(rows: Floats) -> Counts:
    """Every row to whole numbers that sum to what the row summed to, rounded: the largest remainders give way."""
    return np.stack([_round(row) for row in rows])


def _guesses(probabilities: Floats, thresholds: Floats) -> tuple[npt.NDArray[np.intp], Flags]:
    confident = probabilities >= thresholds - TOLERANCE
    how_many = confident.sum(axis=1)
    guess = np.where(how_many > 1, probabilities.argmax(axis=1), confident.argmax(axis=1))
    return guess, how_many > 0


def _calibrated(counts: Counts, label_counts: Counts) -> Counts:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-100)
    scaled = shares * label_counts[:, None]
    total = scaled.sum()
    return round_rows(scaled / max(total, 1e-100) * label_counts.sum())


def _round(row: Floats) -> Counts:
    whole = row.round()
    target = row.sum().round()
    while abs(whole.sum().round() - target) > TOLERANCE:
        missing = int(np.round(target - whole.sum()))
        order = np.argsort(row - whole)
        chosen = order[::-1] if missing > 0 else order
        whole[chosen[: min(abs(missing), len(row))]] += np.sign(missing)
    return whole.astype(np.int64)
