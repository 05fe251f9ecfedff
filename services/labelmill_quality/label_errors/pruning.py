"""Which labels are called errors. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from labelmill_quality.label_errors.confident_joint import (
    TOLERANCE,
    Codes,
    ConfidentJoint,
    Counts,
    Flags,
    Floats,
    round_rows,
)

VERSION = "1"
_LEAST_KEPT = 1
"""Items that every class keeps."""


def prune_by_noise_rate(labels: Codes, probabilities: Floats, joint: ConfidentJoint) -> Flags:
    """For every pair of given class g and other class t, the n items labeled g with the largest p_t - p_g.

    n is what the joint counts for (g, t).
    """
    counts, errors = _to_prune(joint), np.zeros(len(labels), bool)
    for given, members in _by_class(labels, probabilities.shape[1]):
        if len(members) <= _LEAST_KEPT:
            continue
        own = probabilities[members]
        margins = own - own[:, given : given + 1]
        for true in np.flatnonzero(counts[given]):
            if true != given:
                errors[members[_largest(margins[:, true], int(counts[given, true]))]] = True
    return errors


def prune_by_class(labels: Codes, probabilities: Floats, joint: ConfidentJoint) -> Flags:
    """For every class, the n items with the least self-confidence; n is what the joint counts off its diagonal."""
    counts, errors = _to_prune(joint), np.zeros(len(labels), bool)
    for given, members in _by_class(labels, probabilities.shape[1]):
        many = len(members) - int(counts[given, given])
        if len(members) > _LEAST_KEPT and many >= 1:
            errors[members[_largest(-probabilities[members, given], many)]] = True
    return errors


def prune_by_both(labels: Codes, probabilities: Floats, joint: ConfidentJoint) -> Flags:
    """What both of these call an error."""
    return prune_by_class(labels, probabilities, joint) & prune_by_noise_rate(labels, probabilities, joint)


def confident_elsewhere(labels: Codes, probabilities: Floats, joint: ConfidentJoint) -> Flags:
    """Items that are confidently of another class."""
    return joint.off_diagonal.copy()


def predicted_elsewhere(labels: Codes, probabilities: Floats, joint: ConfidentJoint) -> Flags:
    """Items whose likeliest class is another."""
    return np.asarray(probabilities.argmax(axis=1) != labels)


Filter = Callable[[Codes, Floats, ConfidentJoint], Flags]

FILTERS: Mapping[str, Filter] = MappingProxyType(
    {
        "prune_by_noise_rate": prune_by_noise_rate,
        "prune_by_class": prune_by_class,
        "both": prune_by_both,
        "confident": confident_elsewhere,
        "predicted": predicted_elsewhere,
    }
)
DEFAULT = "prune_by_noise_rate"


def find_errors(labels: Codes, probabilities: Floats, joint: ConfidentJoint, method: str = DEFAULT) -> Flags:
    """(items): the label is probably wrong; never where the given class is the likeliest, or as likely."""
    errors = FILTERS[method](labels, probabilities, joint)
    doubted = np.flatnonzero(errors)
    suspects = np.array(probabilities[doubted], np.float64)
    suspects[np.arange(len(doubted)), labels[doubted]] += TOLERANCE
    errors[doubted[suspects.argmax(axis=1) == labels[doubted]]] = False
    return errors


def _to_prune(joint: ConfidentJoint) -> Counts:
    """(given, true): how many to prune. Every class keeps an item; what that takes comes off its errors evenly."""
    counts = joint.counts.astype(np.float64)
    diagonal = np.maximum(counts.diagonal(), _LEAST_KEPT)
    taken = diagonal - counts.diagonal()
    kinds = np.maximum((joint.counts != 0).sum(axis=1) - 1.0, 1.0)
    counts = np.maximum(counts - (taken / kinds)[:, None], 0)
    np.fill_diagonal(counts, diagonal)
    # Rounded over the given classes of each true class, not the other way round: so does cleanlab.
    return round_rows(np.trunc(counts).T).T


def _by_class(labels: Codes, classes: int) -> Iterator[tuple[int, npt.NDArray[np.intp]]]:
    order = np.argsort(labels, kind="stable")
    ends = np.cumsum(np.bincount(labels, minlength=classes))
    for given, end in enumerate(ends.tolist()):
        yield given, order[ends[given - 1] if given else 0 : end]


def _largest(values: Floats, many: int) -> npt.NDArray[np.intp]:
    """The places of the largest values, in no order."""
    if many >= len(values):
        return np.arange(len(values))
    return np.argpartition(-values, many)[:many]
