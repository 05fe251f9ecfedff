"""One polygon from several. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelmill_quality.instances.clustering import Clusters
from labelmill_quality.instances.fusion import Fused, Weighting, geometry_of
from labelmill_quality.instances.measurements import NAME, Measurements, locate
from labelmill_quality.shapes.outlines import outlines
from labelmill_quality.shapes.values import Points, Polygon

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_PIECES = 96
_ROUNDING_PX = 1e-6
_COORDINATES = ("outward_px",)


def fuse_polygons(
    shapes: Sequence[Polygon],
    labelers: Integers,
    labeler_count: int,
    clusters: Clusters,
    weighting: Weighting,
) -> Fused:
    """Polygons whose boundary is inferred by `locate`, point by point along its normal.

    The boundary starts from the area that more than half of the members hold (of two, from the first in order). At each
    of its corners, and in between at every 96th of its length, every member says how far outward its own boundary lies:
    its signed distance. A labeler who always draws too widely has a bias, a careless one a large spread; the point
    moves outward by what `locate` infers. Holes are boundaries like any other. For equal labelers it is the zero level
    of the mean of the members' signed distances.

    Args:
        shapes: All instances.
        labelers: (instances,): who drew them.
        labeler_count: How many there are.
        clusters: Which of them are one object.
        weighting: What members count.
    """
    import shapely

    from labelmill_quality.instances import rings

    areas, _ = outlines(list(shapes))
    borders, points, values, sizes, who = [], [], [], [], []
    for begin, end in zip(clusters.starts[:-1].tolist(), clusters.starts[1:].tolist(), strict=True):
        rows = clusters.members[begin:end]
        start = _largest(_majority(areas[rows]))
        border = _pieces(start)
        borders.append(border)
        corners = np.concatenate(border)
        points.append(len(corners))
        offsets = [rings.outward(corners, *rings.segments(_rings(area))) for area in areas[rows]]
        values.append(np.stack(offsets, axis=1).ravel())
        sizes.append(np.full(len(corners), len(rows)))
        who.append(np.tile(labelers[rows], len(corners)))
    starts = np.concatenate([[0], np.cumsum(np.concatenate(sizes))]).astype(np.int64)
    scale = np.ones((len(starts) - 1, 1))
    data = Measurements(starts, np.concatenate(who), np.concatenate(values)[:, None], scale, labeler_count)
    located = locate(data, weighted=weighting is Weighting.RELIABILITY)
    ends = np.cumsum(points)
    fused, spreads, repaired = [], np.empty((len(clusters), 1)), 0
    for cluster, (begin, end) in enumerate(zip((ends - points).tolist(), ends.tolist(), strict=True)):
        spreads[cluster] = np.sqrt((located.spread[begin:end] ** 2).mean())
        first = shapes[clusters.members[clusters.starts[cluster]]]
        moves = located.values[begin:end, 0]
        if max(np.abs(moves).max(), np.abs(values[cluster]).max()) < _ROUNDING_PX:
            fused.append(first)
            continue
        shape = shapely.Polygon(*_moved(borders[cluster], moves))
        if not shape.is_valid:
            shape, repaired = _largest(shapely.make_valid(shape)), repaired + 1
        shape = shapely.simplify(shape, 0.1 * float(spreads[cluster, 0]), preserve_topology=True)
        fused.append(_polygon(shape, first))
    return Fused(fused, spreads, _COORDINATES, f"polygon_{NAME}", geometry_of(located, _COORDINATES), repaired=repaired)


def _majority(areas: npt.NDArray[Any]) -> Any:
    """The area that more than half of the members hold; of two members, the first."""
    import shapely

    if len(areas) < 3:
        return areas[0]
    lines = shapely.union_all(shapely.boundary(areas))
    faces = shapely.get_parts(shapely.polygonize([lines]))
    inside = shapely.contains(areas[:, None], shapely.point_on_surface(faces)[None, :]).sum(axis=0)
    held = faces[inside * 2 > len(areas)]
    whole = shapely.union_all(held) if len(held) else shapely.Polygon()
    return whole if whole.area > 0 else areas[0]


def _largest(area: Any) -> Any:
    import shapely

    parts = [part for part in shapely.get_parts(area) if part.geom_type == "Polygon"]
    return max(parts, key=lambda part: part.area) if parts else area


def _rings(area: Any) -> list[Points]:
    import shapely

    return [np.asarray(ring.coords)[:-1] for part in shapely.get_parts(area) for ring in _boundaries(part)]


def _boundaries(part: Any) -> list[Any]:
    return [part.exterior, *part.interiors]


def _pieces(area: Any) -> list[Points]:
    """The rings of an area, with points in between; the area to the left of each in the direction of its points."""
    import shapely

    oriented = shapely.orient_polygons(area)
    fine = shapely.segmentize(oriented, max(oriented.length / _PIECES, 1e-6))
    return [np.asarray(ring.coords)[:-1] for ring in _boundaries(fine)]


def _moved(border: Sequence[Points], moves: Floats) -> tuple[Points, list[Points]]:
    """The rings after every point has moved outward."""
    from labelmill_quality.instances import rings

    moved, begin = [], 0
    for ring in border:
        end = begin + len(ring)
        moved.append(ring + rings.normals(ring) * moves[begin:end, None])
        begin = end
    return moved[0], moved[1:]


def _polygon(area: Any, first: Polygon) -> Polygon:
    exterior, *holes = [np.asarray(ring.coords)[:-1] for ring in _boundaries(area)]
    return Polygon(exterior, holes, first.size)
