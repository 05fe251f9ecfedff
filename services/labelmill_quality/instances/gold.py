"""Which clusters are true objects, by gold. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.instances.clustering import Clusters
from labelmill_quality.instances.drawn import Drawn
from labelmill_quality.instances.existence import REAL, SPURIOUS, UNKNOWN
from labelmill_quality.labels import NO_GOLD, Codes
from labelmill_quality.matching.assignment import match
from labelmill_quality.matching.measures import Measures
from labelmill_quality.matching.similarity import similarities
from labelmill_quality.shapes.instance import Instance
from labelmill_quality.shapes.values import Shape

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Truth:
    """What gold says about clusters."""

    existence: Integers
    """(clusters,): REAL, SPURIOUS or UNKNOWN."""
    classes: Codes
    """(clusters,): NO_GOLD where unknown, or where gold has a class that no labeler used."""
    shapes: Sequence[Shape | None]
    """(clusters,): the true shape; None where it is not known."""
    missed_items: Integers
    """The item of each true object that nobody drew."""
    complete: npt.NDArray[np.bool_]
    """(items,): all its true objects are known."""


def no_truth() -> Truth:
    """No gold at all."""
    return Truth(np.zeros(0, np.int64), np.zeros(0, np.int32), (), np.zeros(0, np.int64), np.zeros(0, np.bool_))


def truth_of(
    rows: Drawn,
    clusters: Clusters,
    shapes: Sequence[Shape],
    gold: Sequence[Instance],
    gold_items: frozenset[str],
    threshold: float,
    measures: Measures,
) -> Truth:
    """Matches the clusters of the gold items with the true objects, one to one, whatever their classes.

    Args:
        rows: All instances.
        clusters: Of them.
        shapes: (clusters,): the fused shapes.
        gold: True objects.
        gold_items: Items all of whose objects are in `gold`; those of `gold` are always.
        threshold: Similarity above which they match.
        measures: How similarity is measured.
    """
    existence = np.full(len(clusters), UNKNOWN, np.int64)
    classes = np.full(len(clusters), NO_GOLD, np.int32)
    by_item: dict[str, list[Instance]] = {item: [] for item in gold_items}
    for instance in gold:
        by_item.setdefault(instance.item, []).append(instance)
    item_of = rows.item_codes[clusters.members[clusters.starts[:-1]]]
    number = {name: code for code, name in enumerate(rows.classes)}
    complete = np.array([item in by_item for item in rows.items], np.bool_)
    matched: list[Shape | None] = [None] * len(clusters)
    missed: list[int] = []
    for item in np.flatnonzero(complete).tolist():
        found, true = np.flatnonzero(item_of == item), by_item[rows.items[item]]
        existence[found] = SPURIOUS
        alike = similarities(
            [shapes[index] for index in found.tolist()], [instance.shape for instance in true], measures
        )
        matching = match(alike, threshold=threshold)
        for left, right in zip(matching.left.tolist(), matching.right.tolist(), strict=True):
            existence[found[left]] = REAL
            matched[found[left]] = true[right].shape
            classes[found[left]] = number.get(true[right].class_name, NO_GOLD)
        missed += [item] * (len(true) - len(matching.left))
    return Truth(existence, classes, matched, np.array(missed, np.int64), complete)
