"""Polygons as masks, exactly as COCO's tools draw them. Pure."""

from __future__ import annotations

import numpy as np

from labelmill_quality.shapes.run_lengths import voted
from labelmill_quality.shapes.values import ImageSize, Mask, Points, Polygon


def rasterized(polygon: Polygon) -> Mask:
    """The pixels of a polygon: those of its exterior without those of its holes, cut off at the image's edges."""
    exterior = _ring(polygon.exterior, polygon.size)
    if not polygon.holes:
        return exterior
    holes = [_ring(hole, polygon.size) for hole in polygon.holes]
    return voted([exterior, *holes], 1.0, [1.0] + [-1.0] * len(holes))


def _ring(points: Points, size: ImageSize) -> Mask:
    from labelmill_quality.shapes import raster_loops

    return Mask(raster_loops.ring_runs(np.ascontiguousarray(points), size.width, size.height), size)
