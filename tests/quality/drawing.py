"""Shapes to test with, written briefly."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from labelmill_quality.shapes.values import (
    Box,
    ImageSize,
    Keypoints,
    Mask,
    Polygon,
    Polyline,
    Shape,
    TextSpan,
    TimeSegment,
    Visibility,
)

SIZE = ImageSize(100, 80)
# The first example compiles the loops, and a busy machine draws slowly.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
numbers = st.floats(-50, 150, allow_nan=False).map(lambda value: round(value, 3))
lengths = st.floats(0.5, 80).map(lambda value: round(value, 3))


def box(left: float, top: float, width: float, height: float, rotation: float = 0) -> Box:
    return Box(left, top, width, height, rotation, SIZE)


def polygon(exterior: Sequence[tuple[float, float]], *holes: Sequence[tuple[float, float]]) -> Polygon:
    return Polygon(np.array(exterior, float), [np.array(hole, float) for hole in holes], SIZE)


def polyline(*points: tuple[float, float]) -> Polyline:
    return Polyline(np.array(points, float), SIZE)


def keypoints(visibility: Visibility = Visibility.VISIBLE, **points: tuple[float, float]) -> Keypoints:
    return Keypoints(
        tuple(points), np.array([*points.values()], float), np.full(len(points), visibility, np.uint8), SIZE
    )


def mask(pixels: np.ndarray) -> Mask:
    """The run lengths of an array (height, width) of booleans, counted the slow and obvious way."""
    column_major = [False, *pixels.ravel(order="F").tolist()]
    counts, run = [], 0
    for before, pixel in itertools.pairwise(column_major):
        if pixel != before:
            counts.append(run)
            run = 0
        run += 1
    return Mask(np.array([*counts, run], np.uint32), ImageSize(pixels.shape[1], pixels.shape[0]))


def pixels_of(value: Mask) -> np.ndarray:
    """The other way round."""
    flat = np.repeat(np.arange(len(value.counts)) % 2 == 1, value.counts)
    return flat.reshape(value.size.height, value.size.width, order="F")


boxes = st.builds(box, numbers, numbers, lengths, lengths, st.sampled_from([0.0, 0.0, 30.0, 90.0, -45.0]))
upright_boxes = st.builds(box, numbers, numbers, lengths, lengths)
polygons = st.lists(st.tuples(numbers, numbers), min_size=3, max_size=8).map(polygon)
polylines = st.lists(st.tuples(numbers, numbers), min_size=2, max_size=6, unique=True).map(lambda p: polyline(*p))
pixel_arrays = st.binary(min_size=12, max_size=12).map(
    lambda data: np.unpackbits(np.frombuffer(data, np.uint8)).reshape(12, 8).astype(bool)
)
masks = pixel_arrays.filter(np.any).map(lambda pixels: mask(np.pad(pixels, ((0, 68), (0, 92)))))
spans = st.tuples(st.integers(0, 30), st.integers(1, 12)).map(lambda pair: TextSpan(pair[0], pair[0] + pair[1]))
segments = st.tuples(st.integers(0, 30), st.integers(1, 12)).map(
    lambda pair: TimeSegment(float(pair[0]), float(pair[0] + pair[1]))
)
skeletons = st.lists(st.tuples(numbers, numbers), min_size=3, max_size=3, unique=True).map(
    lambda points: keypoints(**dict(zip("abc", points, strict=True)))
)
any_shape: st.SearchStrategy[Shape] = st.one_of(boxes, polylines, masks, spans, segments, skeletons)
