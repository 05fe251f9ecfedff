"""Boxes and polygons as areas of the plane (shapely geometries). Pure.

A polygon that touches or crosses itself counts as the area that it encloses: `make_valid` splits it at its crossings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelmill_quality.shapes.values import Box, Points, Polygon

Geometries = npt.NDArray[Any]
"""(shapes,) of shapely geometries."""

_SIGNS = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])


def corners(box: Box) -> Points:
    """(4, 2): the corners after rotation, clockwise from the top left one."""
    half = np.array([box.width, box.height]) / 2
    angle = math.radians(box.rotation_degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    across, down = (_SIGNS * half).T
    centre = np.array([box.left, box.top]) + half
    turned: Points = np.column_stack([across * cos - down * sin, across * sin + down * cos]) + centre
    return turned


def outlines(shapes: Sequence[Box | Polygon]) -> tuple[Geometries, npt.NDArray[np.bool_]]:
    """The area of each shape, and whether it had to be repaired.

    Of a repaired polygon only what has an area counts: the lines and points that make_valid leaves have none.
    """
    import shapely

    areas = np.empty(len(shapes), object)
    for index, shape in enumerate(shapes):
        areas[index] = shapely.Polygon(corners(shape) if isinstance(shape, Box) else shape.exterior, _holes(shape))
    broken = ~shapely.is_valid(areas)
    if broken.any():
        areas[broken] = [_areal(geometry) for geometry in shapely.make_valid(areas[broken])]
    return areas, broken


def _holes(shape: Box | Polygon) -> Sequence[Points]:
    return () if isinstance(shape, Box) else shape.holes


def _areal(geometry: Any) -> Any:
    """What of a geometry has an area; an empty polygon where nothing has."""
    import shapely

    parts = [part for part in shapely.get_parts(geometry) if part.area > 0]
    return shapely.union_all(parts) if parts else shapely.Polygon()
