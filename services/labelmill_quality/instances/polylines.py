"""One line from several. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from labelmill_quality.instances.clustering import Clusters
from labelmill_quality.instances.fusion import Fused, Weighting, geometry_of
from labelmill_quality.instances.measurements import NAME, Measurements, locate
from labelmill_quality.shapes.values import Points, Polyline

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_COORDINATES = ("x_px", "y_px")
_MOST_CORNERS = 256


def fuse_polylines(
    shapes: Sequence[Polyline],
    labelers: Integers,
    labeler_count: int,
    clusters: Clusters,
    weighting: Weighting,
    *,
    oriented: bool = False,
) -> Fused:
    """Lines whose points are inferred by `locate` from the points that are equally far along the members.

    The points are the corners of all members, each by its share of its line's length (256 evenly spaced ones where
    there are more). Members that run the other way are turned round first, unless lines are `oriented`.

    Args:
        shapes: All instances.
        labelers: (instances,): who drew them.
        labeler_count: How many there are.
        clusters: Which of them are one object.
        weighting: What members count.
        oriented: The direction of drawing means something.
    """
    blocks, places = [], []
    for begin, end in zip(clusters.starts[:-1].tolist(), clusters.starts[1:].tolist(), strict=True):
        lines = _aligned([shapes[row].points for row in clusters.members[begin:end].tolist()], oriented=oriented)
        shares = [_shares(line) for line in lines]
        where = np.unique(np.concatenate(shares))
        if len(where) > _MOST_CORNERS:
            where = np.linspace(0, 1, _MOST_CORNERS)
        places.append(len(where))
        members = [_at(line, share, where) for line, share in zip(lines, shares, strict=True)]
        blocks.append(np.stack(members, axis=1).reshape(-1, 2))
    values = np.concatenate(blocks)
    sizes = np.repeat(clusters.sizes, places)
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    who = np.concatenate(
        [
            np.tile(labelers[clusters.members[begin:end]], count)
            for begin, end, count in zip(clusters.starts[:-1], clusters.starts[1:], places, strict=True)
        ]
    )
    data = Measurements(starts, who, values, np.ones((len(sizes), 2)), labeler_count)
    located = locate(data, weighted=weighting is Weighting.RELIABILITY)
    same = (values[starts[:-1]] == located.values).all(axis=1)
    ends = np.cumsum(places)
    fused, spreads = [], np.empty((len(clusters), 2))
    for cluster, (begin, end) in enumerate(zip((ends - places).tolist(), ends.tolist(), strict=True)):
        first = shapes[clusters.members[clusters.starts[cluster]]]
        unchanged = same[begin:end].all()
        fused.append(first if unchanged else Polyline(located.values[begin:end].copy(), first.size))
        spreads[cluster] = np.sqrt((located.spread[begin:end] ** 2).mean(axis=0))
    return Fused(fused, spreads, _COORDINATES, f"polyline_{NAME}", geometry_of(located, _COORDINATES))


def _aligned(lines: Sequence[Points], *, oriented: bool) -> list[Points]:
    """The lines, all running the way of the first."""
    if oriented:
        return list(lines)
    along = np.linspace(0, 1, 16)
    reference = _at(lines[0], _shares(lines[0]), along)
    return [min((line, line[::-1]), key=lambda way: _apart(way, reference, along)) for line in lines]


def _apart(line: Points, reference: Points, along: Floats) -> float:
    return float(((_at(line, _shares(line), along) - reference) ** 2).sum())


def _shares(points: Points) -> Floats:
    """(points,): how far along the line each corner is, from 0 to 1."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    shares: Floats = along / along[-1]
    return shares


def _at(points: Points, shares: Floats, where: Floats) -> Points:
    return np.column_stack([np.interp(where, shares, points[:, axis]) for axis in (0, 1)])
