"""Whether a shape makes sense by itself. Pure.

The functions yield (field path below the annotation, what is wrong); nothing when all is well. Whether it lies inside
its image is the annotation service's business: tools clip differently, and a score may not depend on it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from labelmill_quality.shapes.answers import Answer, Number
from labelmill_quality.shapes.values import (
    Box,
    Keypoints,
    Mask,
    Points,
    Polygon,
    Polyline,
    Shape,
    TextSpan,
    TimeSegment,
)

Problem = tuple[str, str]
FINITE = "must be finite"
REACH_PX = 10_000_000
"""Coordinates further out are refused: they are no pixels, and their squares are no longer exact."""
WITHIN_REACH = f"must be within {REACH_PX} pixels of the origin"


def shape_problems(shape: Shape) -> Iterator[Problem]:
    """What is wrong with a shape; polygons are looked at further by `outlines`."""
    match shape:
        case Box():
            yield from _box(shape)
        case Polygon():
            yield from _ring("polygon.exterior", shape.exterior)
            for index, hole in enumerate(shape.holes):
                yield from _ring(f"polygon.holes[{index}]", hole)
        case Polyline():
            yield from _points("polyline.points", shape.points)
            if len(shape.points) < 2 or (shape.points == shape.points[0]).all():
                yield "polyline.points", "must have two different points"
        case Keypoints():
            yield from _keypoints(shape)
        case Mask():
            yield from _mask(shape)
        case TextSpan():
            if not 0 <= shape.start < shape.end:
                yield "text_span", "must start at 0 or later and end after its start"
        case TimeSegment():
            if not 0 <= shape.start_ms < shape.end_ms < math.inf:
                yield "time_segment", "must start at 0 or later, end after its start, and be finite"


def answer_problems(answer: Answer) -> Iterator[Problem]:
    """What is wrong with an answer."""
    if isinstance(answer, Number) and not math.isfinite(answer.value):
        yield "number", FINITE


def _box(box: Box) -> Iterator[Problem]:
    if not math.isfinite(box.rotation_degrees):
        yield "box.rotation_degrees", FINITE
    for name, value in (("left_px", box.left), ("top_px", box.top)):
        if not abs(value) <= REACH_PX:
            yield f"box.{name}", WITHIN_REACH
    for name, value in (("width_px", box.width), ("height_px", box.height)):
        if not 0 < value <= REACH_PX:
            yield f"box.{name}", f"must be above 0 and at most {REACH_PX}"


def _ring(path: str, ring: Points) -> Iterator[Problem]:
    if len(ring) < 3:
        yield f"{path}.points", "must have at least three points"
    yield from _points(f"{path}.points", ring)


def _points(path: str, points: Points) -> Iterator[Problem]:
    wrong = np.flatnonzero(~(np.abs(points) <= REACH_PX).all(axis=1))
    if len(wrong):
        yield f"{path}[{wrong[0]}]", WITHIN_REACH


def _keypoints(shape: Keypoints) -> Iterator[Problem]:
    yield from _points("keypoints.keypoints", np.where(shape.present[:, None], shape.points, 0.0))
    seen: set[str] = set()
    for index, name in enumerate(shape.names):
        if name in seen:
            yield f"keypoints.keypoints[{index}].keypoint_name", "must name a keypoint once"
        seen.add(name)
    if not shape.present.any():
        yield "keypoints.keypoints", "must have a keypoint that is in the image"


def _mask(mask: Mask) -> Iterator[Problem]:
    counts = mask.counts.astype(np.uint64)
    if int(counts.sum()) != mask.size.pixels:
        yield "mask.counts", f"must sum to width times height, {mask.size.pixels}"
    elif not counts[1::2].any():
        yield "mask.counts", "must mark at least one pixel"
