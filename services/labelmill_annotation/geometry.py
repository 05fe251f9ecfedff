"""Whether a shape lies in its image and makes sense by itself. Pure.

Each function yields (field path below the shape, what is wrong); nothing when all is well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from labelmill_annotation.statements import Box, ImageSize, Keypoints, Mask, Point, Polygon, Polyline, Shape

Violation = tuple[str, str]

SLACK_PX = 0.01
"""Tools that keep percentages hand back 640.0000001 for 640."""


def violations(shape: Shape) -> Iterator[Violation]:
    """What is wrong with a shape."""
    match shape:
        case Box():
            yield from _box(shape)
        case Polygon():
            yield from _polygon(shape)
        case Polyline():
            yield from _outside("points", shape.points, shape.size)
            if len(set(shape.points)) < 2:
                yield "points", "must have two different points"
        case Keypoints():
            yield from _keypoints(shape)
        case Mask():
            yield from _mask(shape)


def corners(box: Box) -> list[Point]:
    """The four corners after rotation, clockwise from the top left one."""
    half_width, half_height = box.width / 2, box.height / 2
    centre_x, centre_y = box.left + half_width, box.top + half_height
    angle = math.radians(box.rotation_degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    offsets = [(half_width * across, half_height * down) for across, down in signs]
    return [(centre_x + x * cos - y * sin, centre_y + x * sin + y * cos) for x, y in offsets]


def area(ring: Sequence[Point]) -> float:
    """The area inside a ring (shoelace formula)."""
    following = [*ring[1:], ring[0]]
    return abs(math.fsum(x * v - u * y for (x, y), (u, v) in zip(ring, following, strict=True))) / 2


def _box(box: Box) -> Iterator[Violation]:
    if not (box.width > 0 and math.isfinite(box.width)):
        yield "width_px", "must be above 0"
    elif not (box.height > 0 and math.isfinite(box.height)):
        yield "height_px", "must be above 0"
    elif not all(_inside(corner, box.size) for corner in corners(box)):
        yield "", f"must lie inside the image of {box.size.width} x {box.size.height} pixels"


def _polygon(polygon: Polygon) -> Iterator[Violation]:
    yield from _ring("exterior", polygon.exterior, polygon.size)
    for index, hole in enumerate(polygon.holes):
        yield from _ring(f"holes[{index}]", hole, polygon.size)
        if hole and polygon.exterior and not _within(hole, polygon.exterior):
            yield f"holes[{index}]", "must lie inside the exterior"


def _ring(path: str, ring: Sequence[Point], size: ImageSize) -> Iterator[Violation]:
    if len(ring) < 3:
        yield f"{path}.points", "must have at least three points"
        return
    yield from _outside(f"{path}.points", ring, size)
    if area(ring) <= 0:
        yield path, "must enclose an area"


def _within(hole: Sequence[Point], exterior: Sequence[Point]) -> bool:
    """Whether the hole's bounding box lies in the exterior's: exact containment is quadratic."""
    (left, top), (right, bottom) = _bounds(exterior)
    (hole_left, hole_top), (hole_right, hole_bottom) = _bounds(hole)
    horizontally = left - SLACK_PX <= hole_left and hole_right <= right + SLACK_PX
    return horizontally and top - SLACK_PX <= hole_top and hole_bottom <= bottom + SLACK_PX


def _bounds(ring: Sequence[Point]) -> tuple[Point, Point]:
    xs, ys = [x for x, _ in ring], [y for _, y in ring]
    return (min(xs), min(ys)), (max(xs), max(ys))


def _keypoints(shape: Keypoints) -> Iterator[Violation]:
    seen: set[str] = set()
    for index, keypoint in enumerate(shape.keypoints):
        if keypoint.name in seen:
            yield f"keypoints[{index}].keypoint_name", "appears twice"
        seen.add(keypoint.name)
        if not keypoint.absent and not _inside(keypoint.point, shape.size):
            yield f"keypoints[{index}].point", "must lie inside the image"


def _mask(mask: Mask) -> Iterator[Violation]:
    pixels, marked = sum(mask.counts), sum(mask.counts[1::2])
    if pixels != mask.size.width * mask.size.height:
        yield "counts", f"must sum to width times height, {mask.size.width * mask.size.height}, not {pixels}"
    elif marked == 0:
        yield "counts", "must mark at least one pixel"


def _outside(path: str, points: Sequence[Point], size: ImageSize) -> Iterator[Violation]:
    for index, point in enumerate(points):
        if not _inside(point, size):
            yield f"{path}[{index}]", f"must lie inside the image of {size.width} x {size.height} pixels"
            return  # the first one tells enough


def _inside(point: Point, size: ImageSize) -> bool:
    x, y = point
    return -SLACK_PX <= x <= size.width + SLACK_PX and -SLACK_PX <= y <= size.height + SLACK_PX
