"""Krippendorff's alpha over answers of any kind by a distance of the caller's: boxes by IoU, spans by overlap. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from labelmill_quality.agreement.krippendorff import NO_DISTANCE, NO_PAIRS
from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import LEVEL, percentile_interval

Floats = npt.NDArray[np.float64]
T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)

_BLOCK = 256
"""Answers that are compared with all others in one call of a distance."""
_REPLICATES_AT_ONCE = 64


class Distance(Protocol[T_contra]):
    """How far apart answers are."""

    def __call__(self, left: Sequence[T_contra], right: Sequence[T_contra], /) -> Floats:
        """(left, right): at least 0, finite, symmetric, 0 for equal answers; used as it is, not squared."""


def own_distance_alpha(
    items: Sequence[Sequence[T]],
    distance: Distance[T],
    *,
    method: str,
    replicates: int = 1000,
    seed: int = 0,
    level: float = LEVEL,
    sample: int = 2000,
) -> Estimate:
    """Krippendorff's alpha, 1 - D_o / D_e, with a bootstrap interval over items.

    With m_u answers about item u, n = sum_u m_u over the items with two or more, and d the distance:

        D_o = 1/n  sum_u  sum over ordered pairs in u of d / (m_u - 1)
        D_e = 1/n(n-1)    sum over all ordered pairs of answers of d

    D_e asks for the distances of all answers to all. Of more than `sample` answers, whole items are drawn until there
    are so many, and give the mean distance of answers about different items; that of answers about the same item is
    always exact. Both are drawn anew in every replicate.

    Args:
        items: The answers about each item, one a labeler; what a labeler said about an item is one answer, be it many
            boxes or none.
        distance: Between answers.
        method: The name of the estimate, such as "krippendorff_alpha_box_iou".
        replicates: Of the bootstrap.
        seed: Of the bootstrap and of the sample.
        level: Of the interval.
        sample: Answers of which all distances are taken.

    Raises:
        ValueError: A distance is negative or no number.
    """
    shared = [answers for answers in items if len(answers) >= 2]
    interval_method = f"bootstrap_items_{replicates}"
    generator = np.random.default_rng(seed % 2**64)
    undefined = partial(Estimate.undefined, method=method, interval_method=interval_method, n=len(shared), level=level)
    if not shared:
        return undefined(NO_PAIRS)
    distances = _distances(shared, distance, generator, sample)
    value = float(distances.alpha(np.ones((1, len(shared))))[0])
    if not np.isfinite(value):
        return undefined(NO_DISTANCE)
    if len(shared) < 2:
        return Estimate(value, None, None, level, method, interval_method, len(shared))
    drawn = []
    for start in range(0, replicates, _REPLICATES_AT_ONCE):
        rows = min(_REPLICATES_AT_ONCE, replicates - start)
        chances = np.full(len(shared), 1 / len(shared))
        drawn.append(distances.alpha(generator.multinomial(len(shared), chances, size=rows).astype(np.float64)))
    lower, upper = percentile_interval(value, np.concatenate(drawn), level)
    return Estimate(value, lower, upper, level, method, interval_method, len(shared))


@dataclass(frozen=True)
class _Distances:
    """Sums of distances over ordered pairs."""

    sizes: Floats
    """(items): answers."""
    within: Floats
    """(items): between the answers about each."""
    sampled: npt.NDArray[np.intp]
    """Numbers of the items whose answers are compared with each other's."""
    between: Floats
    """(sampled, sampled): between the answers about two items."""

    def alpha(self, weights: Floats) -> Floats:
        """(replicates) from (replicates, items); NaN where all distances are 0."""
        answers = weights @ self.sizes
        observed = weights @ (self.within / (self.sizes - 1)) / answers
        # A drawn item meets its own copies, too: their pairs count as the squares of the weights say.
        own_pairs, own = weights**2 @ self.sizes**2, weights**2 @ self.within
        some, sizes = weights[:, self.sampled], self.sizes[self.sampled]
        pairs = (some @ sizes) ** 2 - some**2 @ sizes**2
        apart = ((some @ self.between) * some).sum(axis=1) - some**2 @ self.between.diagonal()
        mean = np.where(pairs > 0, apart / np.maximum(pairs, 1), np.nan if len(self.sizes) > 1 else 0.0)
        expected = (mean * (answers**2 - own_pairs) + own) / (answers * (answers - 1))
        return np.where(expected > 0, 1 - observed / np.where(expected > 0, expected, 1.0), np.nan)


def _distances(
    items: Sequence[Sequence[T]], distance: Distance[T], generator: np.random.Generator, sample: int
) -> _Distances:
    sizes = np.array([len(answers) for answers in items], np.float64)
    within = np.array([_checked(distance(answers, answers)).sum() for answers in items])
    order = np.arange(len(items)) if sizes.sum() <= sample else generator.permutation(len(items))
    count = int(np.searchsorted(np.cumsum(sizes[order]), sample, side="right"))
    sampled = np.sort(order[: max(count, 2)])
    answers = [answer for number in sampled for answer in items[number]]
    starts = np.concatenate([[0], np.cumsum(sizes[sampled])[:-1]]).astype(np.intp)
    rows = [
        np.add.reduceat(_checked(distance(answers[start : start + _BLOCK], answers)), starts, axis=1)
        for start in range(0, len(answers), _BLOCK)
    ]
    return _Distances(sizes, within, sampled, np.add.reduceat(np.concatenate(rows), starts, axis=0))


def _checked(distances: Floats) -> Floats:
    if not (distances >= 0).all() or not np.isfinite(distances).all():
        raise ValueError("a distance must be a number of at least 0")
    return distances
