"""Relations between objects, from relations between instances. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labelmill_quality.instances.classes import Rules, infer_classes
from labelmill_quality.instances.clustering import Clusters
from labelmill_quality.instances.existence import UNKNOWN, Existence, Looks, Views, infer_existence
from labelmill_quality.shapes.instance import Instance
from labelmill_quality.shapes.values import Relation

Endpoints = Mapping[tuple[str, str, str], str]
"""The object, by item, labeler and the labeler's local id."""


@dataclass(frozen=True, slots=True)
class ConsensusRelation:
    """One relation of one item."""

    item: str
    from_object: str
    to_object: str
    class_name: str
    class_shares: tuple[tuple[str, float], ...]
    existence: float
    """Posterior; not calibrated."""
    members: tuple[int, ...]
    """Indices of the annotations that say so."""
    possible: int
    """Labelers who drew both objects, and so could have said so."""


@dataclass(frozen=True)
class Relations:
    """All relations of one feature."""

    relations: Sequence[ConsensusRelation]
    unresolved: Sequence[int]
    """Indices of the annotations whose ends are no object, or one and the same."""
    labelers: Sequence[str]
    existence: Existence | None
    """None where there is no relation."""


def infer_relations(
    instances: Sequence[Instance], labelers: Sequence[str], endpoints: Endpoints, rules: Rules
) -> Relations:
    """Relations whose ends are objects of the consensus; existence as of objects, class as of objects.

    A labeler who drew both objects and no relation votes against it; one who drew only one of them has no vote.
    Relations that nobody saw are not reckoned with.

    Args:
        instances: Of one feature, their shapes relations.
        labelers: All labelers, in order.
        endpoints: What the local ids of the labelers' instances have become.
        rules: How classes are aggregated.
    """
    code = {name: number for number, name in enumerate(labelers)}
    rows, keys, unresolved = _resolved(instances, endpoints)
    if not rows:
        return Relations([], unresolved, labelers, None)
    names = sorted(set(keys))
    number = {key: cluster for cluster, key in enumerate(names)}
    assignment = np.array([number[key] for key in keys], np.int64)
    order = np.argsort(assignment, kind="stable")
    clusters = Clusters(order, np.concatenate([[0], np.cumsum(np.bincount(assignment))]).astype(np.int64))
    who = np.array([code[instance.labeler] for instance in rows], np.int64)
    looks = _looks(names, keys, who, endpoints, code)
    views = Views(np.zeros(0, np.int64), np.zeros(0, np.int64), 0, np.zeros(0, np.bool_))
    existence = infer_existence(looks, views, np.full(len(names), UNKNOWN, np.int64))
    classes = sorted({instance.class_name for instance in rows})
    said = np.array([classes.index(instance.class_name) for instance in rows], np.int64)
    classed = infer_classes(said, who, labelers, classes, clusters, rules)
    possible = np.bincount(looks.clusters, minlength=len(names)).tolist()
    relations = []
    for cluster, (item, first, second) in enumerate(names):
        members = clusters.members[clusters.starts[cluster] : clusters.starts[cluster + 1]].tolist()
        shares = classed.posterior[cluster].tolist()
        relations.append(
            ConsensusRelation(
                item,
                first,
                second,
                classes[int(np.argmax(shares))],
                tuple(zip(classes, shares, strict=True)) if len(classes) > 1 else (),
                float(existence.posterior[cluster]),
                tuple(rows[member].index for member in members),
                possible[cluster],
            )
        )
    return Relations(relations, unresolved, labelers, existence)


Key = tuple[str, str, str]


def _resolved(instances: Sequence[Instance], endpoints: Endpoints) -> tuple[list[Instance], list[Key], list[int]]:
    """Instances by (item, from, to), one for each labeler, the last; and the indices of those without both ends."""
    found: dict[tuple[Key, str], Instance] = {}
    unresolved = []
    for instance in instances:
        if not isinstance(instance.shape, Relation):
            raise TypeError("only relations have ends")
        ends = [
            endpoints.get((instance.item, instance.labeler, local_id))
            for local_id in (instance.shape.from_local_id, instance.shape.to_local_id)
        ]
        if ends[0] is None or ends[1] is None or ends[0] == ends[1]:
            unresolved.append(instance.index)
        else:
            found[(instance.item, ends[0], ends[1]), instance.labeler] = instance
    return list(found.values()), [key for key, _ in found], unresolved


def _looks(
    names: Sequence[Key], keys: Sequence[Key], who: np.ndarray, endpoints: Endpoints, code: Mapping[str, int]
) -> Looks:
    drawers: dict[tuple[str, str], set[int]] = {}
    for (item, labeler, _), found in endpoints.items():
        drawers.setdefault((item, found), set()).add(code[labeler])
    said = set(zip(keys, who.tolist(), strict=True))
    rows = [
        (cluster, labeler, (key, labeler) in said)
        for cluster, key in enumerate(names)
        for labeler in sorted(drawers[key[0], key[1]] & drawers[key[0], key[2]])
    ]
    clusters, labelers, drew = zip(*rows, strict=True)
    return Looks(np.array(clusters, np.int64), np.array(labelers, np.int64), np.array(drew), len(names), len(code))
