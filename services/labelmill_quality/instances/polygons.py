"""One polygon from several. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelmill_quality.instances.clustering import Clusters
from labelmill_quality.instances.fusion import Fused, Weighting, geometry_of
from labelmill_quality.instances.measurements import NAME
from labelmill_quality.instances.places import locate_places, member_rows
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
    areas, _ = outlines(list(shapes))
    starts = [_largest(_majority(areas[rows])) for rows in member_rows(clusters)]
    borders = [_pieces(start) for start in starts]
    blocks = [
        _outward(np.concatenate(border), areas[rows])
        for border, rows in zip(borders, member_rows(clusters), strict=True)
    ]
    weighted = weighting is Weighting.RELIABILITY
    located, places = locate_places(blocks, clusters, labelers, labeler_count, weighted=weighted)
    fused, spreads, repaired = [], np.empty((len(clusters), 1)), 0
    for cluster, (place, first) in enumerate(zip(places, clusters.members[clusters.starts[:-1]].tolist(), strict=True)):
        moves = located.values[place, 0]
        spreads[cluster] = np.sqrt((located.spread[place] ** 2).mean())
        if max(np.abs(moves).max(), np.abs(blocks[cluster]).max()) < _ROUNDING_PX:
            fused.append(shapes[first])
            continue
        area, mended = _drawn(_moved(borders[cluster], moves), starts[cluster], 0.1 * float(spreads[cluster, 0]))
        repaired += mended
        fused.append(_polygon(area, shapes[first]))
    return Fused(fused, spreads, _COORDINATES, f"polygon_{NAME}", geometry_of(located, _COORDINATES), repaired=repaired)


def _outward(corners: Points, areas: npt.NDArray[Any]) -> Floats:
    """(corners, members, 1): how far outward the boundary of each member lies."""
    from labelmill_quality.instances import rings

    return np.stack([rings.outward(corners, *rings.segments(_rings(area))) for area in areas], axis=1)[:, :, None]


def _drawn(outline: tuple[Points, list[Points]], start: Any, tolerance: float) -> tuple[Any, bool]:
    """The area of an outline, without corners that change less than the tolerance; and whether it had to be mended."""
    import shapely

    area = shapely.Polygon(*outline)
    mended = not area.is_valid
    if mended:
        area = _largest(shapely.make_valid(area))
    if area.geom_type != "Polygon" or not area.area > 0:  # it fell apart into lines
        return start, True
    return shapely.simplify(area, tolerance, preserve_topology=True), mended


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
