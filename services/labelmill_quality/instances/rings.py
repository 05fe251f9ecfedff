"""Signed distances to closed rings, and their normals. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from labelmill_quality.compiled import compiled
from labelmill_quality.shapes.values import Points

Floats = npt.NDArray[np.float64]


def segments(rings: Sequence[Points]) -> tuple[Points, Points]:
    """Both ends of every segment of closed rings."""
    return np.concatenate(rings), np.concatenate([np.roll(ring, -1, axis=0) for ring in rings])


def normals(ring: Points) -> Points:
    """(points, 2): the unit vector to the right of the direction of the points: outward, where the area is to the left.

    Of a corner it is the direction of the sum of both its sides' normals.
    """
    sides = np.roll(ring, -1, axis=0) - ring
    lengths = np.hypot(sides[:, 0], sides[:, 1])[:, None]
    units = sides / np.maximum(lengths, 1e-300)
    along = units + np.roll(units, 1, axis=0)
    size = np.hypot(along[:, 0], along[:, 1])[:, None]
    along = np.where(size > 1e-9, along / np.maximum(size, 1e-9), units)
    return np.column_stack([along[:, 1], -along[:, 0]])


@compiled
def outward(points: Points, first: Points, second: Points) -> Floats:
    """(points,): how far the boundary lies outward of each point: its distance, negative where the point is outside.

    Args:
        points: (points, 2).
        first: (segments, 2): where each segment of the rings begins.
        second: (segments, 2): where it ends.
    """
    result = np.empty(len(points))
    for index in range(len(points)):
        x, y = points[index, 0], points[index, 1]
        nearest, inside = np.inf, False
        for segment in range(len(first)):
            ax, ay = first[segment, 0], first[segment, 1]
            bx, by = second[segment, 0], second[segment, 1]
            dx, dy = bx - ax, by - ay
            square = dx * dx + dy * dy
            share = 0.0 if square == 0 else min(1.0, max(0.0, ((x - ax) * dx + (y - ay) * dy) / square))
            gap_x, gap_y = ax + share * dx - x, ay + share * dy - y
            nearest = min(nearest, gap_x * gap_x + gap_y * gap_y)
            if (ay > y) != (by > y) and x < ax + (y - ay) / dy * dx:
                inside = not inside
        result[index] = np.sqrt(nearest) if inside else -np.sqrt(nearest)
    return result
