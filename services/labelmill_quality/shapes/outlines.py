"""Boxes and polygons as areas of the plane (shapely geometries). Pure.

A polygon that touches or crosses itself counts as the area that it encloses: `make_valid` repairs each ring by
itself, then cuts the holes out of the exterior.
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


def rings(shape: Box | Polygon) -> list[Points]:
    """Its exterior, then its holes."""
    return [corners(shape)] if isinstance(shape, Box) else [shape.exterior, *shape.holes]


def outlines(shapes: Sequence[Box | Polygon]) -> tuple[Geometries, npt.NDArray[np.bool_]]:
    """The area of each shape, and whether it had to be repaired; what encloses nothing is empty."""
    import shapely

    areas = np.empty(len(shapes), object)
    for index, shape in enumerate(shapes):
        exterior, *holes = rings(shape)
        areas[index] = shapely.Polygon(exterior, holes)
    broken = ~shapely.is_valid(areas)
    if broken.any():
        areas[broken] = shapely.make_valid(areas[broken], method="structure", keep_collapsed=False)
    return areas, broken
