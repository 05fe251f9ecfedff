"""Compatibility: objects as CVAT's consensus merges them, a member standing for its cluster. Pure.

CVAT (`consensus/intersect_merge.py`): the instances of every two labelers are matched one to one (Hungarian) at a
similarity of `threshold` or more; pairs of the same label are joined into clusters all of whose members are that
similar (complete link) and no two of one labeler; a cluster of fewer members than the quorum is dropped; the member
closest to the mean bounding box stands for it, with the score votes / replicas x mean similarity to it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.instances.drawn import bounds_of
from labelmill_quality.matching.assignment import match
from labelmill_quality.matching.measures import DEFAULT
from labelmill_quality.matching.similarity import similarities
from labelmill_quality.shapes.instance import Instance
from labelmill_quality.shapes.values import Box, ImageSize, Mask, Polygon

Floats = npt.NDArray[np.float64]

NAME = "cvat_merge"
VERSION = "1"
THRESHOLD = 0.4
QUORUM = 0.5
_NOWHERE = ImageSize(0, 0)


@dataclass(frozen=True)
class Merged:
    """What stands for one cluster."""

    instance: Instance
    score: float
    members: tuple[int, ...]
    """Places in the list."""


def merge(
    instances: Sequence[Instance], replicas: int, *, threshold: float = THRESHOLD, quorum: float = QUORUM
) -> list[Merged]:
    """The merged objects of one item.

    Args:
        instances: Of one item and feature, the labelers in CVAT's order of jobs.
        replicas: Labelers who saw the item.
        threshold: CVAT's `iou_threshold`, for every kind of shape.
        quorum: Share of the replicas that a cluster needs; of 5 replicas, 0.7 are 4.
    """
    shapes = [instance.shape for instance in instances]
    alike = similarities(shapes, shapes, DEFAULT)
    needed = math.ceil(quorum * replicas - 1e-9)
    clusters = _clusters(_adjacent(instances, alike, threshold), instances, alike, threshold)
    return [_merged(instances, alike, members, replicas) for members in clusters if len(members) >= needed]


def _adjacent(instances: Sequence[Instance], alike: Floats, threshold: float) -> list[list[int]]:
    sources: dict[str, list[int]] = {}
    for row, instance in enumerate(instances):
        sources.setdefault(instance.labeler, []).append(row)
    lists = list(sources.values())
    adjacent: list[list[int]] = [[] for _ in instances]
    for place, ours in enumerate(lists):
        for theirs in lists[place + 1 :]:
            matching = match(alike[np.ix_(ours, theirs)], threshold=threshold)
            for left, right in zip(matching.left.tolist(), matching.right.tolist(), strict=True):
                one, other = ours[left], theirs[right]
                if instances[one].class_name == instances[other].class_name:
                    adjacent[one].append(other)
    return adjacent


def _clusters(
    adjacent: Sequence[Sequence[int]], instances: Sequence[Instance], alike: Floats, threshold: float
) -> list[list[int]]:
    visited: set[int] = set()
    clusters = []
    for first in range(len(instances)):
        if first in visited:
            continue
        cluster, waiting = [], [first]
        while waiting:
            current = waiting.pop(0)
            cluster.append(current)
            visited.add(current)
            for other in adjacent[current]:
                if other in visited or other in waiting:
                    continue
                close = all(alike[member, other] >= threshold for member in cluster)
                if close and all(instances[member].labeler != instances[other].labeler for member in cluster):
                    waiting.append(other)
        clusters.append(cluster)
    return clusters


def _merged(instances: Sequence[Instance], alike: Floats, members: Sequence[int], replicas: int) -> Merged:
    bounds = bounds_of([instances[member].shape for member in members])
    left, top, right, bottom = bounds.mean(axis=0).tolist()
    mean = Box(left, top, max(right - left, 1e-9), max(bottom - top, 1e-9), 0.0, _size(instances[members[0]]))
    outlines = [
        instances[member].shape if isinstance(instances[member].shape, Polygon | Mask) else _around(row)
        for member, row in zip(members, bounds.tolist(), strict=True)
    ]
    nearest = members[int(np.argmax(similarities([mean], outlines, DEFAULT)[0]))]
    similarity = float(alike[nearest, list(members)].mean())
    return Merged(instances[nearest], len(members) / replicas * similarity, tuple(members))


def _around(bounds: Sequence[float]) -> Box:
    left, top, right, bottom = bounds
    return Box(left, top, max(right - left, 1e-9), max(bottom - top, 1e-9), 0.0, _NOWHERE)


def _size(instance: Instance) -> ImageSize:
    return instance.shape.size if isinstance(instance.shape, Mask | Polygon) else _NOWHERE
