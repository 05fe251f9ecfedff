"""Matching as COCO's evaluation does it: class by class, the most confident first. Pure.

A shape takes the gold that it is most like, among those that no more confident one has taken. (Crowds are a matter
of average precision alone; here they are gold like any other.)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labelmill_quality.matching.assignment import Matching
from labelmill_quality.matching.measures import Measures
from labelmill_quality.matching.similarity import similarities
from labelmill_quality.shapes.instance import Instance


def coco_matching(
    gold: Sequence[Instance], said: Sequence[Instance], *, threshold: float, measures: Measures
) -> Matching:
    """Who belongs to whom."""
    alike = similarities([one.shape for one in gold], [one.shape for one in said], measures)
    taken: dict[int, int] = {}
    for place in sorted(range(len(said)), key=lambda place: -ranked(said[place])):
        free = [
            row
            for row, one in enumerate(gold)
            if row not in taken and one.class_name == said[place].class_name and alike[row, place] >= threshold
        ]
        if free:
            # Of equals, the last one, as in pycocotools.
            taken[max(free, key=lambda row: (alike[row, place], row))] = place
    left = np.array(sorted(taken), np.int64)
    right = np.array([taken[row] for row in left.tolist()], np.int64)
    return Matching(len(gold), len(said), left, right, alike[left, right])


def ranked(instance: Instance) -> float:
    """Its confidence; 1 where none was said."""
    return 1.0 if instance.confidence is None else instance.confidence
