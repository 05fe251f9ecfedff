"""Which instances of an item are at all alike. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

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
        from labelmill_quality.instances import overlaps

        first, second, similarity = overlaps.overlapping(drawn.bounds, drawn.item_starts, drawn.labeler_codes)
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
