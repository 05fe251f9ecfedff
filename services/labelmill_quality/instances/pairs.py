"""Which instances of an item are at all alike. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelmill_quality.compiled import compiled
from labelmill_quality.instances.clustering import Pairs
from labelmill_quality.instances.drawn import Drawn
from labelmill_quality.matching.measures import DEFAULT, Measures
from labelmill_quality.matching.similarity import similarities
from labelmill_quality.shapes.values import Box, TextSpan, TimeSegment

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_LEAST = 1e-6


def alike(drawn: Drawn, class_penalty: float = 0.0, measures: Measures = DEFAULT) -> Pairs:
    """Pairs of one item and different labelers with their similarity; what is below 1e-6 is left out.

    Args:
        drawn: The instances.
        class_penalty: In [0, 1]: the share of its similarity that a pair of different classes loses.
        measures: How similarity is measured.
    """
    by_bounds = all(
        isinstance(shape, TextSpan | TimeSegment) or (isinstance(shape, Box) and shape.upright)
        for shape in drawn.shapes
    )
    if by_bounds:
        first, second, similarity = overlapping(drawn.bounds, drawn.item_starts, drawn.labeler_codes)
    else:
        first, second, similarity = _by_item(drawn, measures)
    if class_penalty > 0:
        differs = drawn.class_codes[first] != drawn.class_codes[second]
        similarity = np.where(differs, similarity * (1 - class_penalty), similarity)
    kept = similarity > _LEAST
    return Pairs(first[kept], second[kept], similarity[kept])


def _by_item(drawn: Drawn, measures: Measures) -> tuple[Integers, Integers, Floats]:
    parts = []
    shapes, starts = drawn.shapes, drawn.item_starts
    for begin, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        labelers = drawn.labeler_codes[begin:end]
        first, second = np.nonzero(np.triu(labelers[:, None] != labelers[None, :], 1))
        if len(first):
            values = similarities(shapes[begin:end], shapes[begin:end], measures)
            parts.append((first + begin, second + begin, values[first, second]))
    if not parts:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    firsts, seconds, values_ = zip(*parts, strict=True)
    return np.concatenate(firsts), np.concatenate(seconds), np.concatenate(values_)


@compiled
def overlapping(bounds: Floats, starts: Integers, labelers: Integers) -> tuple[Integers, Integers, Floats]:
    """Pairs of upright rectangles of one item and different labelers that overlap, with their IoU.

    The rectangles of an item are ordered by their left edges, so that the search for partners ends at the right edge.
    """
    room = 1024
    first, second, values = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room)
    count = 0
    for item in range(len(starts) - 1):
        for i in range(starts[item], starts[item + 1]):
            area = (bounds[i, 2] - bounds[i, 0]) * (bounds[i, 3] - bounds[i, 1])
            for j in range(i + 1, starts[item + 1]):
                if bounds[j, 0] >= bounds[i, 2]:
                    break
                if labelers[i] == labelers[j]:
                    continue
                across = min(bounds[i, 2], bounds[j, 2]) - bounds[j, 0]
                down = min(bounds[i, 3], bounds[j, 3]) - max(bounds[i, 1], bounds[j, 1])
                if across <= 0 or down <= 0:
                    continue
                shared = across * down
                other = (bounds[j, 2] - bounds[j, 0]) * (bounds[j, 3] - bounds[j, 1])
                if count == room:
                    room *= 2
                    first, second = _longer(first, room), _longer(second, room)
                    more = np.empty(room)
                    more[:count] = values
                    values = more
                first[count], second[count], values[count] = i, j, shared / (area + other - shared)
                count += 1
    return first[:count].copy(), second[:count].copy(), values[:count].copy()


@compiled
def _longer(values: Integers, room: int) -> Integers:
    longer = np.empty(room, np.int64)
    longer[: len(values)] = values
    return longer
