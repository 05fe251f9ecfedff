"""Who belongs to whom: one-to-one, at the largest sum of similarities. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Columns = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

SAME_CLASS_BONUS = 1e-6
"""Of pairs that are equally alike, those of the same class are preferred, ..."""
PAIR_BONUS = 1e-9
"""... and of equally large sums, the one of more pairs; neither is part of a score."""


@dataclass(frozen=True)
class Matching:
    """Pairs of a left and a right list, and how alike the two of each are."""

    left_count: int
    right_count: int
    left: Columns
    """(pairs,): indices into the left list, rising."""
    right: Columns
    """(pairs,): indices into the right list."""
    similarity: Floats
    """(pairs,): in [0, 1]."""

    @property
    def score(self) -> float | None:
        """How alike the two lists are, in [0, 1]: the similarities' sum by the number of different things.

        A pair counts once, everything that found no partner counts as 0, so that a duplicate costs as much as a miss.
        None where both lists are empty.
        """
        things = self.left_count + self.right_count - len(self.left)
        return float(self.similarity.sum()) / things if things else None

    @cached_property
    def left_alone(self) -> Columns:
        """Indices of the left list that found no partner."""
        return np.setdiff1d(np.arange(self.left_count), self.left)

    @cached_property
    def right_alone(self) -> Columns:
        """Indices of the right list that found no partner."""
        return np.setdiff1d(np.arange(self.right_count), self.right)


def match(
    similarity: Floats, *, threshold: float, same_class: Flags | None = None, class_aware: bool = False
) -> Matching:
    """The one-to-one pairs of similarity `threshold` or more with the largest sum of similarities.

    Args:
        similarity: (left, right), in [0, 1].
        threshold: Above 0; less alike ones are no pair.
        same_class: (left, right): whether both say the same class.
        class_aware: Two that say different classes are no pair; else the class only decides between equals.
    """
    from labelmill_quality.matching import assignment_loops

    weights = weighed(similarity, threshold=threshold, same_class=same_class, class_aware=class_aware)
    return paired(similarity, assignment_loops.assign(weights))


def weighed(similarity: Floats, *, threshold: float, same_class: Flags | None, class_aware: bool) -> Floats:
    """(left, right): what a pair is worth; 0 where it is none."""
    admissible = (similarity >= threshold) & (similarity > 0)
    worth = similarity + PAIR_BONUS
    if same_class is not None:
        worth = worth + SAME_CLASS_BONUS * same_class
        admissible &= same_class | (not class_aware)
    weights: Floats = np.where(admissible, worth, 0.0)
    return weights


def paired(similarity: Floats, columns: Columns) -> Matching:
    """The pairs of an assignment of columns to rows."""
    left = np.flatnonzero(columns >= 0)
    right = columns[left]
    return Matching(similarity.shape[0], similarity.shape[1], left, right, similarity[left, right])
