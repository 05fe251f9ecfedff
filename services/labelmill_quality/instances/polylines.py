"""One line from several. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from labelmill_quality.instances.clustering import Clusters
from labelmill_quality.instances.fusion import Fused, Weighting, geometry_of
from labelmill_quality.instances.measurements import NAME
from labelmill_quality.instances.places import locate_places, member_rows
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
    blocks = [
        _along(_aligned([shapes[row].points for row in rows.tolist()], oriented=oriented))
        for rows in member_rows(clusters)
    ]
    weighted = weighting is Weighting.RELIABILITY
    located, places = locate_places(blocks, clusters, labelers, labeler_count, weighted=weighted)
    fused, spreads = [], np.empty((len(clusters), 2))
    for cluster, (place, row) in enumerate(zip(places, clusters.members[clusters.starts[:-1]].tolist(), strict=True)):
        first, points = shapes[row], located.values[place]
        unchanged = (blocks[cluster][:, 0] == points).all()
        fused.append(first if unchanged else Polyline(points.copy(), first.size))
        spreads[cluster] = np.sqrt((located.spread[place] ** 2).mean(axis=0))
    return Fused(fused, spreads, _COORDINATES, f"polyline_{NAME}", geometry_of(located, _COORDINATES))


def _along(lines: Sequence[Points]) -> Floats:
    """(places, lines, 2): the points of each line at the places where any of them has a corner."""
    shares = [_shares(line) for line in lines]
    where = np.unique(np.concatenate(shares))
    if len(where) > _MOST_CORNERS:
        where = np.linspace(0, 1, _MOST_CORNERS)
    return np.stack([_at(line, share, where) for line, share in zip(lines, shares, strict=True)], axis=1)


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
