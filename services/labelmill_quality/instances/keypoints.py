"""One skeleton from several: every named point by itself. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from labelmill_quality.instances.clustering import Clusters
from labelmill_quality.instances.fusion import Fused, Weighting, geometry_of
from labelmill_quality.instances.measurements import NAME, Measurements, locate
from labelmill_quality.shapes.values import Keypoints, Visibility

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_COORDINATES = ("x_px", "y_px")


def fuse_keypoints(
    shapes: Sequence[Keypoints],
    labelers: Integers,
    labeler_count: int,
    clusters: Clusters,
    weighting: Weighting,
) -> Fused:
    """Skeletons whose points are inferred by `locate`, all points of a labeler sharing one bias and spread.

    How far a point can be seen is voted on, a labeler who left it out counting as one who says it is absent; of a tie
    the more visible counts. A point that is voted present lies where those put it who found it present.

    Args:
        shapes: All instances.
        labelers: (instances,): who placed them.
        labeler_count: How many there are.
        clusters: Which of them are one object.
        weighting: What members count.
    """
    rows = clusters.members
    points = _points(shapes, rows, clusters)
    votes = _votes(points, clusters)
    given = points.visibility != Visibility.ABSENT
    kept = given & (votes[points.spot] != Visibility.ABSENT)
    kept = kept if kept.any() else given
    spots, starts = np.unique(points.spot[kept], return_index=True)
    sizes = _sizes(shapes, rows, clusters)
    scale = np.repeat(sizes[points.cluster_of_spot[spots]][:, None], 2, axis=1)
    data = Measurements(
        np.append(starts, kept.sum()).astype(np.int64),
        labelers[rows[points.member[kept]]],
        points.place[kept],
        scale,
        labeler_count,
    )
    located = locate(data, weighted=weighting is Weighting.RELIABILITY)
    places, spreads = np.full((len(votes), 2), np.nan), np.full((len(votes), 2), np.nan)
    places[spots], spreads[spots] = located.values, located.spread
    fused, widths = _skeletons(shapes, clusters, points, votes, places, spreads)
    return Fused(fused, widths, _COORDINATES, f"keypoints_{NAME}", geometry_of(located, _COORDINATES))


class _Spots:
    """Named points of all members, ordered by spot: one (cluster, name) after another."""

    def __init__(self, rows: list[tuple[int, str, int, int, float, float]]) -> None:
        rows.sort(key=lambda row: row[:3])
        keys = list(dict.fromkeys((row[0], row[1]) for row in rows))
        number = {key: spot for spot, key in enumerate(keys)}
        self.names = [name for _, name in keys]
        self.cluster_of_spot = np.array([cluster for cluster, _ in keys], np.int64)
        self.spot = np.array([number[row[0], row[1]] for row in rows], np.int64)
        self.member = np.array([row[2] for row in rows], np.int64)
        self.visibility = np.array([row[3] for row in rows], np.int64)
        self.place = np.array([row[4:] for row in rows], np.float64).reshape(-1, 2)


def _points(shapes: Sequence[Keypoints], rows: Integers, clusters: Clusters) -> _Spots:
    found = []
    for member, (row, cluster) in enumerate(zip(rows.tolist(), clusters.cluster_of_member.tolist(), strict=True)):
        shape = shapes[row]
        named = zip(shape.names, shape.visibility.tolist(), shape.points.tolist(), strict=True)
        found += [(cluster, name, member, visibility, x, y) for name, visibility, (x, y) in named]
    return _Spots(found)


def _votes(points: _Spots, clusters: Clusters) -> Integers:
    """(spots,): the visibility with the most votes."""
    counts = np.zeros((len(points.names), len(Visibility)))
    np.add.at(counts, (points.spot, points.visibility), 1)
    counts[:, Visibility.ABSENT] += clusters.sizes[points.cluster_of_spot] - counts.sum(axis=1)
    seen = counts.sum(axis=1) - counts[:, Visibility.ABSENT]
    present = seen * 2 >= clusters.sizes[points.cluster_of_spot]
    counts[:, Visibility.ABSENT] = -1  # half of the members see it: how well is for them to say
    best: Integers = counts.shape[1] - 1 - np.argmax(counts[:, ::-1], axis=1)
    return np.where(present, best, Visibility.ABSENT)


def _sizes(shapes: Sequence[Keypoints], rows: Integers, clusters: Clusters) -> Floats:
    """(clusters,): the root of the area around the points, on average over the members; 1 for single points."""
    areas = [np.prod(np.ptp(shapes[row].points[shapes[row].present], axis=0)) for row in rows.tolist()]
    mean = np.add.reduceat(np.array(areas), clusters.starts[:-1]) / clusters.sizes
    return np.maximum(np.sqrt(mean), 1.0)


def _skeletons(
    shapes: Sequence[Keypoints], clusters: Clusters, points: _Spots, votes: Integers, places: Floats, spreads: Floats
) -> tuple[list[Keypoints], Floats]:
    fused, widths = [], np.full((len(clusters), 2), np.nan)
    starts = np.searchsorted(points.cluster_of_spot, np.arange(len(clusters) + 1))
    for cluster in range(len(clusters)):
        spots = range(starts[cluster], starts[cluster + 1])
        first = shapes[clusters.members[clusters.starts[cluster]]]
        order = {name: rank for rank, name in enumerate(first.names)}
        spots_in_order = sorted(spots, key=lambda spot: (order.get(points.names[spot], len(order)), points.names[spot]))
        wanted = np.array(spots_in_order, np.int64)
        present = votes[wanted] != Visibility.ABSENT
        if not present.any():  # no point has half of the members: there is no skeleton to speak of but theirs
            fused.append(first)
            continue
        place = np.where(present[:, None], places[wanted], 0.0)
        names = tuple(points.names[spot] for spot in spots_in_order)
        fused.append(Keypoints(names, place, votes[wanted].astype(np.uint8), first.size))
        widths[cluster] = np.sqrt((spreads[wanted[present]] ** 2).mean(axis=0))
    return fused, widths
