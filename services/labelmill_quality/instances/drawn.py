"""Instances of one feature as columns, ordered by what was drawn, never by who drew it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.errors import InvalidAnnotation
from labelmill_quality.shapes.instance import Instance
from labelmill_quality.shapes.outlines import corners
from labelmill_quality.shapes.run_lengths import MaskBatch
from labelmill_quality.shapes.values import (
    Box,
    Keypoints,
    Mask,
    Polygon,
    Polyline,
    Relation,
    Shape,
    TextSpan,
    TimeSegment,
)

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

REACH = 1e12
"""Pixels, code points or milliseconds."""


@dataclass(frozen=True)
class Drawn:
    """Instances, ordered by item, then by place, then by class."""

    instances: Sequence[Instance]
    items: tuple[str, ...]
    labelers: tuple[str, ...]
    classes: tuple[str, ...]
    item_codes: Integers
    labeler_codes: Integers
    class_codes: Integers
    bounds: Floats
    """(instances, 4): left, top, right, bottom; start, channel, end, channel + 1 of stretches."""

    def __len__(self) -> int:
        return len(self.instances)

    @property
    def shapes(self) -> list[Shape]:
        """What was drawn."""
        return [instance.shape for instance in self.instances]

    @property
    def item_starts(self) -> Integers:
        """(items + 1,): where each item's instances begin."""
        return np.concatenate([[0], np.cumsum(np.bincount(self.item_codes, minlength=len(self.items)))]).astype(
            np.int64
        )


def drawn(instances: Sequence[Instance], items: Sequence[str], labelers: Sequence[str]) -> Drawn:
    """Instances as columns.

    Args:
        instances: Of one feature.
        items: All items, in order; those without an instance too.
        labelers: All labelers, in order.
    """
    classes = sorted({instance.class_name for instance in instances})
    codes = [
        _codes([instance.item for instance in instances], items),
        _codes([instance.labeler for instance in instances], labelers),
        _codes([instance.class_name for instance in instances], classes),
    ]
    bounds = bounds_of([instance.shape for instance in instances])
    finer = np.array([_content(instance.shape) for instance in instances], np.float64)
    order = np.lexsort((codes[2], finer, *bounds.T[::-1], codes[0]))
    return Drawn(
        [instances[row] for row in order],
        tuple(items),
        tuple(labelers),
        tuple(classes),
        codes[0][order],
        codes[1][order],
        codes[2][order],
        bounds[order],
    )


def require_reach(instances: Sequence[Instance], field: str = "annotations") -> None:
    """Refuses shapes so far out that their sizes and distances could not be computed.

    Raises:
        InvalidAnnotation: A coordinate lies beyond 1e12.
    """
    placed = [instance for instance in instances if not isinstance(instance.shape, Mask | Relation)]
    bounds = bounds_of([instance.shape for instance in placed])
    for row in np.flatnonzero(np.abs(bounds).max(axis=1, initial=0.0) > REACH)[:1].tolist():
        raise InvalidAnnotation(f"{field}[{placed[row].index}]", f"must lie within {REACH:g} of the origin")


def bounds_of(shapes: Sequence[Shape]) -> Floats:
    """(shapes, 4): what lies inside each; see `Drawn.bounds`."""
    if all(isinstance(shape, Mask) for shape in shapes) and shapes:
        return _mask_bounds([shape for shape in shapes if isinstance(shape, Mask)])
    return np.array([_bounds(shape) for shape in shapes], np.float64).reshape(-1, 4)


def _bounds(shape: Shape) -> Sequence[float]:
    match shape:
        case Box() if shape.upright:
            return shape.left, shape.top, shape.left + shape.width, shape.top + shape.height
        case Box():
            return _around(corners(shape))
        case Polygon():
            return _around(shape.exterior)
        case Polyline():
            return _around(shape.points)
        case Keypoints():
            return _around(shape.points[shape.present])
        case TextSpan():
            return shape.start, 0, shape.end, 1
        case TimeSegment():
            channel = -1 if shape.channel is None else shape.channel
            return shape.start_ms, channel, shape.end_ms, channel + 1
    raise ValueError("only shapes have bounds")


def _around(points: Floats) -> Sequence[float]:
    return [*points.min(axis=0).tolist(), *points.max(axis=0).tolist()]


def _mask_bounds(masks: Sequence[Mask]) -> Floats:
    bounds = np.empty((len(masks), 4))
    by_size: dict[object, list[int]] = {}
    for index, mask in enumerate(masks):
        by_size.setdefault(mask.size, []).append(index)
    for rows in by_size.values():
        bounds[rows] = MaskBatch.of([masks[row] for row in rows]).bounds
    return bounds


def _content(shape: Shape) -> float:
    """Tells apart shapes of the same bounds; the same for the same shape in every run."""
    match shape:
        case Box():
            return shape.rotation_degrees
        case Polygon():
            return _summary(shape.exterior)
        case Polyline() | Keypoints():
            return _summary(shape.points)
        case Mask():
            return _summary(shape.counts.astype(np.float64)[:, None])
    return 0.0


def _summary(points: Floats) -> float:
    return float((np.arange(1, len(points) + 1) @ points).sum())


def _codes(values: Sequence[str], names: Sequence[str]) -> Integers:
    numbers = {name: code for code, name in enumerate(names)}
    return np.array([numbers[value] for value in values], np.int64)
