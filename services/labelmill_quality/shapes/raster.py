"""Polygons as masks, exactly as COCO's tools draw them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labelmill_quality.shapes.run_lengths import voted
from labelmill_quality.shapes.values import ImageSize, Mask, Points, Polygon

_MOST_STEPS = 20_000_000
"""Points of a boundary, five to a pixel: 300 MB."""
_MOST_PIXELS = 2**32 - 1


def is_drawable(rings: Sequence[Points], size: ImageSize) -> bool:
    """Whether a polygon of these rings can be drawn: its image and its boundary are not too large for it."""
    steps = sum(5 * np.abs(np.diff(ring, axis=0, append=ring[:1])).max(axis=1).sum() for ring in rings)
    return 0 < size.pixels <= _MOST_PIXELS and steps <= _MOST_STEPS


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
