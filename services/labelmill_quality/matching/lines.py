"""Polylines: a Gaussian of the distance between points that are equally far along. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labelmill_quality.matching.assignment import Floats
from labelmill_quality.matching.measures import Measures
from labelmill_quality.shapes.values import ImageSize, Points, Polyline


def line_similarities(left: Sequence[Polyline], right: Sequence[Polyline], measures: Measures) -> Floats:
    """(left, right): the similarity of each pair, drawn in either direction."""
    values = [[line_similarity(one, other, measures.line_thickness) for other in right] for one in left]
    return np.array(values).reshape(len(left), len(right))


def line_similarity(one: Polyline, other: Polyline, thickness: float) -> float:
    """The mean of exp(-d² / (2 s (2t)²)) over points that are equally far along both lines, in the better direction.

    The points are the corners of both lines, each by its share of the length; d is their distance, t the thickness, s
    the area of the image. CVAT's formula; but a line that was drawn backwards is measured anew from its other end.
    """
    ways = (other.points, other.points[::-1])
    return max(gaussian(*aligned(one.points, way), one.size, thickness) for way in ways)


def aligned(one: Points, other: Points) -> tuple[Points, Points]:
    """Points of both lines that are equally far along them: at every corner of either but the common last one."""
    first, second = _shares(one), _shares(other)
    places = np.sort(np.concatenate([first, second[1:]]))[:-1]
    return _at(one, first, places), _at(other, second, places)


def gaussian(one: Points, other: Points, size: ImageSize, thickness: float) -> float:
    """The mean of exp(-d² / (2 s (2t)²)) over pairs of points."""
    scale = float(size.pixels) or 1.0
    squares = ((one - other) ** 2).sum(axis=1)
    return float(np.exp(-squares / (2 * scale * (2 * thickness) ** 2)).mean())


def _shares(points: Points) -> Floats:
    """(points,): how far along the line each corner is, from 0 to 1."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    shares: Floats = along / along[-1]
    return shares


def _at(points: Points, shares: Floats, places: Floats) -> Points:
    return np.column_stack([np.interp(places, shares, points[:, axis]) for axis in (0, 1)])
