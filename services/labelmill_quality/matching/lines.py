"""Polylines: a Gaussian of the distance between points that are equally far along. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labelmill_quality.matching.assignment import Floats
from labelmill_quality.matching.measures import Measures
from labelmill_quality.shapes.values import Points, Polyline


def line_similarities(left: Sequence[Polyline], right: Sequence[Polyline], measures: Measures) -> Floats:
    """(left, right): the similarity of each pair, drawn in either direction."""
    values = [[line_similarity(one, other, measures.line_thickness) for other in right] for one in left]
    return np.array(values).reshape(len(left), len(right))


def line_similarity(one: Polyline, other: Polyline, thickness: float, *, oriented: bool = False) -> float:
    """The mean of exp(-d² / (2 s (2t)²)) over points that are equally far along both lines, as CVAT computes it.

    The points are the corners of both lines, each by its share of the length; d is their distance, t the thickness, s
    the area of the image. Unless `oriented`, the better of both directions of drawing counts.
    """
    scale = float(one.size.pixels) or 1.0
    reach = 2 * scale * (2 * thickness) ** 2
    ways = [other.points] if oriented else [other.points, other.points[::-1]]
    return max(_alike(one.points, way, reach) for way in ways)


def _alike(one: Points, other: Points, reach: float) -> float:
    first, second = _shares(one), _shares(other)
    # All corners but the common last one, which both lists hold.
    places = np.sort(np.concatenate([first, second[1:]]))[:-1]
    squares = ((_at(one, first, places) - _at(other, second, places)) ** 2).sum(axis=1)
    return float(np.exp(-squares / reach).mean())


def _shares(points: Points) -> Floats:
    """(points,): how far along the line each corner is, from 0 to 1."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    shares: Floats = along / along[-1]
    return shares


def _at(points: Points, shares: Floats, places: Floats) -> Points:
    return np.column_stack([np.interp(places, shares, points[:, axis]) for axis in (0, 1)])
