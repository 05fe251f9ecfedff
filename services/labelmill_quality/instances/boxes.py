"""One box from several, upright or rotated. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from labelmill_quality.instances.clustering import Clusters
from labelmill_quality.instances.fusion import Fused, Weighting, geometry_of, same_as_first
from labelmill_quality.instances.measurements import NAME, Measurements, locate
from labelmill_quality.shapes.values import Box

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_EDGES = ("left_px", "top_px", "right_px", "bottom_px")
_TURNED = ("centre_x_px", "centre_y_px", "width_px", "height_px", "rotation_degrees")


def fuse_boxes(
    boxes: Sequence[Box],
    labelers: Integers,
    labeler_count: int,
    clusters: Clusters,
    weighting: Weighting,
    gold: Sequence[Box | None] | None = None,
) -> Fused:
    """Boxes whose edges (upright) or centre, sides and angle (rotated) are inferred by `locate`.

    A box turned by 90 degrees is the same with its sides exchanged, and by 180 degrees the same as it was: every member
    is written in the one of these ways that is nearest to the first member's angle.

    Args:
        boxes: All instances.
        labelers: (instances,): who drew them.
        labeler_count: How many there are.
        clusters: Which of them are one object.
        weighting: What members count.
        gold: The true box of each cluster where it is known.
    """
    rows = clusters.members
    upright = all(box.rotation_degrees == 0 for box in boxes)
    members = [boxes[row] for row in rows]
    first = clusters.starts[:-1]
    if upright:
        values = np.array([(b.left, b.top, b.left + b.width, b.top + b.height) for b in members])
        sides = np.array([(b.width, b.height, b.width, b.height) for b in members])
        scale = np.add.reduceat(sides, first, axis=0) / clusters.sizes[:, None]
    else:
        values = _turned(members, np.repeat(first, clusters.sizes))
        size = np.sqrt(np.add.reduceat(values[:, 2] * values[:, 3], first) / clusters.sizes)
        scale = np.column_stack([size] * 4 + [np.ones(len(size))])
    known = _known(gold, values[first], upright=upright)
    data = Measurements(clusters.starts, labelers[rows], values, scale, labeler_count, known)
    located = locate(data, weighted=weighting is Weighting.RELIABILITY)
    same = same_as_first(values, clusters.starts, located.values)
    shapes = [
        members[start] if equal else _box(coordinates, members[start], upright=upright)
        for start, equal, coordinates in zip(first.tolist(), same.tolist(), located.values.tolist(), strict=True)
    ]
    names = _EDGES if upright else _TURNED
    return Fused(shapes, located.spread, names, f"box_{NAME}", geometry_of(located, names))


def _turned(boxes: Sequence[Box], references: Integers) -> Floats:
    """(boxes, 5): centre, sides and angle, in the way nearest to the angle of the reference."""
    values = np.array(
        [(b.left + b.width / 2, b.top + b.height / 2, b.width, b.height, b.rotation_degrees) for b in boxes]
    )
    return _toward(values, values[references, 4])


def _toward(values: Floats, angles: Floats) -> Floats:
    quarters = np.round((angles - values[:, 4]) / 90)
    exchanged = quarters % 2 != 0
    turned = values.copy()
    turned[:, 4] += 90 * quarters
    turned[exchanged, 2], turned[exchanged, 3] = values[exchanged, 3], values[exchanged, 2]
    return turned


def _known(gold: Sequence[Box | None] | None, reference: Floats, *, upright: bool) -> Floats | None:
    if gold is None:
        return None
    known = np.full(reference.shape, np.nan)
    for row, box in enumerate(gold):
        if box is not None and upright and box.rotation_degrees == 0:
            known[row] = box.left, box.top, box.left + box.width, box.top + box.height
        elif box is not None and not upright:
            centre = box.left + box.width / 2, box.top + box.height / 2
            written = np.array([[*centre, box.width, box.height, box.rotation_degrees]])
            known[row] = _toward(written, reference[row : row + 1, 4])[0]
    return known


def _box(coordinates: Sequence[float], member: Box, *, upright: bool) -> Box:
    if upright:
        left, top, right, bottom = coordinates
        # A bias that is taken off a tiny box must not turn it inside out.
        width = right - left if right > left else member.width
        height = bottom - top if bottom > top else member.height
        return Box(left, top, width, height, 0.0, member.size)
    x, y, width, height, angle = coordinates
    width, height = (side if side > 0 else old for side, old in ((width, member.width), (height, member.height)))
    return Box(x - width / 2, y - height / 2, width, height, (angle + 180) % 360 - 180, member.size)
