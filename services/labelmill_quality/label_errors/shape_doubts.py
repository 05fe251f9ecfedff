"""Shapes that a detector gives reason to doubt. Pure.

Three of the kinds of error of ObjectLab (U. Tkachenko et al., ObjectLab: Automated Diagnosis of Mislabeled Images in
Object Detection Data, 2023), with rules of our own that hold for every kind of shape: what counts as one object is how
alike two shapes are (`matching.similarity`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from labelmill_quality.errors import TooManyInstances
from labelmill_quality.label_errors.errors import MaskSizesDiffer
from labelmill_quality.matching.similarity import similarities
from labelmill_quality.shapes.instance import Instance

Floats = npt.NDArray[np.float64]

LEAST_SIMILARITY, LEAST_CONFIDENCE = 0.5, 0.9
_TOUCHING = 0.1
"""Shapes that are less alike have nothing to do with one another."""
_MOST = 3000
"""Shapes of one item and feature that are compared with one another."""


class Wrong(Enum):
    """What is wrong."""

    OVERLOOKED = "overlooked"
    WRONG_CLASS = "wrong_class"
    BADLY_PLACED = "badly_placed"


@dataclass(frozen=True, slots=True)
class ShapeIssue:
    """One reason to look."""

    wrong: Wrong
    score: float
    """In [0, 1]; the lower, the more urgent."""
    given: Instance | None
    """None where an object was overlooked."""
    seen: Instance
    similarity: float


def doubt_shapes(
    given: Sequence[Instance],
    seen: Sequence[Instance],
    *,
    least_similarity: float = LEAST_SIMILARITY,
    least_confidence: float = LEAST_CONFIDENCE,
) -> list[ShapeIssue]:
    """Issues of all items and features, lowest score first.

    A sure prediction is one of at least `least_confidence`. Of one item and feature:

    - wrong class: a sure prediction of another class is one object with the annotation, and no prediction of the
      annotation's class is, sure or not;
    - badly placed: a sure prediction of the class touches the annotation, but neither is one object with anything of
      that class;
    - overlooked: a sure prediction is one object with no annotation and places none badly; of several that are one
      object the surest.

    Raises:
        TooManyInstances: More than 3,000 shapes on one item.
        MaskSizesDiffer: Masks of one item belong to images of different sizes.
    """
    groups: dict[tuple[str, str], tuple[list[Instance], list[Instance]]] = defaultdict(lambda: ([], []))
    for side, instances in enumerate((given, seen)):
        for one in instances:
            groups[one.item, one.feature][side].append(one)
    issues: list[ShapeIssue] = []
    for ours, theirs in groups.values():
        if len(ours) + len(theirs) > _MOST:
            raise TooManyInstances(_MOST)
        if theirs:
            issues.extend(_Group(ours, theirs, least_similarity, least_confidence).issues())
    return sorted(issues, key=lambda issue: (issue.score, issue.seen.index))


class _Group:
    """The shapes of one item and feature."""

    def __init__(self, given: list[Instance], seen: list[Instance], least: float, sure: float) -> None:
        self._given, self._seen, self._least = given, seen, least
        try:
            self._alike = similarities([one.shape for one in given], [one.shape for one in seen])
        except ValueError:
            raise MaskSizesDiffer(seen[0].index) from None
        names = [np.array([one.class_name for one in side], object) for side in (given, seen)]
        self._same = np.equal.outer(names[0], names[1]).astype(bool)
        self._confidence = np.array([1.0 if one.confidence is None else one.confidence for one in seen])
        self._sure = self._confidence >= sure
        self._one = self._alike >= least

    def issues(self) -> Iterator[ShapeIssue]:
        confirmed = np.array((self._one & self._same).any(axis=1), bool)
        claimed = np.array(self._one.any(axis=0), bool)
        for row in np.flatnonzero(~confirmed).tolist():
            found = self._wrong_class(row) or self._badly_placed(row, claimed)
            if found is not None:
                yield found
        yield from self._overlooked(claimed)

    def _wrong_class(self, row: int) -> ShapeIssue | None:
        weight = np.where(self._sure & self._one[row] & ~self._same[row], self._confidence * self._alike[row], 0.0)
        best = int(weight.argmax())
        return self._issue(Wrong.WRONG_CLASS, 1 - float(weight[best]), row, best) if weight[best] > 0 else None

    def _badly_placed(self, row: int, claimed: npt.NDArray[np.bool_]) -> ShapeIssue | None:
        near = self._sure & self._same[row] & ~claimed & (self._alike[row] >= _TOUCHING)
        if not near.any():
            return None
        best = int(np.where(near, self._alike[row], -1).argmax())
        claimed[best] = True
        return self._issue(Wrong.BADLY_PLACED, float(self._alike[row, best]), row, best)

    def _overlooked(self, claimed: npt.NDArray[np.bool_]) -> Iterator[ShapeIssue]:
        left = np.flatnonzero(self._sure & ~claimed)
        left = left[np.argsort(-self._confidence[left], kind="stable")]
        kept: list[int] = []
        for column in left.tolist():
            shape = self._seen[column].shape
            if not kept or similarities([shape], [self._seen[one].shape for one in kept]).max() < self._least:
                kept.append(column)
                yield self._issue(Wrong.OVERLOOKED, 1 - float(self._confidence[column]), None, column)

    def _issue(self, wrong: Wrong, score: float, row: int | None, column: int) -> ShapeIssue:
        given = None if row is None else self._given[row]
        similarity = 0.0 if row is None else float(self._alike[row, column])
        return ShapeIssue(wrong, min(max(score, 0.0), 1.0), given, self._seen[column], similarity)
