"""Random numbers that belong to the labels themselves: another order, other names, and each keeps its number. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelmill_quality.labels import LabelTable

Floats = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]

_ROUNDS = 4
_ITEM, _LABELER, _CLASS = (
    np.uint64(odd) for odd in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)
)  # fmt: skip


def of_items(table: LabelTable, seed: int) -> Floats:
    """A number in [0, 1) for every item; see of_labels."""
    return _unit(_told_apart(_hashes(table, seed)[1]))


def of_labels(table: LabelTable, seed: int) -> Floats:
    """A number in [0, 1) for every label.

    Which labels a method is judged on must not depend on what labelers and items are called, or the same labels sent in
    another order would get another consensus. So each item, labeler and class is told from others by what was said
    alone: in every round its hash becomes that of the sum of the hashes of its labels, and a label's hash that of its
    item's, labeler's and class's. What still has equal hashes is as good as the same, and is numbered in any order.
    (B. Weisfeiler and A. Leman, The Reduction of a Graph to Canonical Form, 1968.)

    Args:
        table: The labels.
        seed: Another seed, other numbers.
    """
    labels, items = _hashes(table, seed)
    return _unit(_told_apart(_mixed(labels + _told_apart(items)[table.item_codes])))


def _hashes(table: LabelTable, seed: int) -> tuple[Hashes, Hashes]:
    """Of labels and of items."""
    sides = (
        (table.item_codes, len(table.items), _ITEM),
        (table.labeler_codes, len(table.labelers), _LABELER),
        (table.class_codes, len(table.classes), _CLASS),
    )
    hashes: list[Hashes] = [np.zeros(size, np.uint64) for _, size, _ in sides]
    labels = np.full(len(table), seed % 2**32, np.uint64)
    for _ in range(_ROUNDS):
        for n, (codes, _, odd) in enumerate(sides):
            labels = labels + hashes[n][codes] * odd
        labels = _mixed(labels)
        for n, (codes, size, _) in enumerate(sides):
            sums = np.zeros(size, np.uint64)
            np.add.at(sums, codes, labels)
            hashes[n] = _mixed(sums)
    return labels, hashes[0]


def _mixed(values: Hashes) -> Hashes:
    """A bijection whose bits all depend on all bits: the finalizer of SplitMix64."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _told_apart(hashes: Hashes) -> Hashes:
    """Other hashes, different ones for equal ones, too."""
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    first = np.searchsorted(ordered, ordered)  # where the equal ones begin
    ranks = np.empty(len(hashes), np.uint64)
    ranks[order] = (np.arange(len(hashes)) - first).astype(np.uint64)
    return _mixed(hashes + ranks * _ITEM)


def _unit(values: Hashes) -> Floats:
    return (values >> np.uint64(11)).astype(np.float64) * 2.0**-53
