"""Upright boxes of many items, matched at once. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.matching.assignment import Columns, Floats
from labelmill_quality.matching.measures import BoxMeasure
from labelmill_quality.shapes.values import Box

Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True)
class BoxGroups:
    """Upright boxes of many items, one item after another."""

    corners: Floats
    """(boxes, 4): left, top, right, bottom."""
    offsets: Offsets
    """(items + 1,): where each item's boxes begin, and where the last one's end."""
    classes: Columns
    """(boxes,): codes of what they are."""


def corners_of(boxes: Sequence[Box]) -> Floats:
    """(boxes, 4): left, top, right, bottom of each before rotation."""
    sides = [(box.left, box.top, box.left + box.width, box.top + box.height) for box in boxes]
    return np.array(sides, np.float64).reshape(-1, 4)


def match_groups(
    left: BoxGroups,
    right: BoxGroups,
    *,
    threshold: float,
    class_aware: bool = False,
    measure: BoxMeasure = BoxMeasure.IOU,
) -> tuple[Columns, Floats]:
    """Matches the boxes of each item with those of the same item on the right; as `match`, many items at once.

    Returns:
        (left boxes,): the index of each one's partner on the right, -1 for none; and how alike the two are, 0 for none.
    """
    from labelmill_quality.matching import box_loops

    return box_loops.match_groups(
        left.corners,
        left.offsets,
        left.classes,
        right.corners,
        right.offsets,
        right.classes,
        float(threshold),
        class_aware,
        measure is BoxMeasure.GIOU,
    )
