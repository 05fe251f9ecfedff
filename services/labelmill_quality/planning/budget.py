"""Where a number of labels is best spent. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.planning.outcomes import batches

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Allocation:
    """Labels for items."""

    labels: Counts
    """(items): labels to buy."""
    expected_right: float
    """Items whose consensus will be right, on average, once they are bought; by the posteriors."""


def allocate(posterior: Floats, confusion: Floats, budget: int, rooms: Counts) -> Allocation:
    """Spends a budget where it makes most items right.

    The value of n labels of one item is the expected growth of its largest posterior. What counts is its concave hull:
    where one label alone changes nothing, the step to three is taken as three steps of equal worth, so that buying step
    by step, the most valuable first, is best for all items together (but for the last batch, which may be cut).

    Args:
        posterior: (items, classes): calibrated.
        confusion: (classes said, true classes): of who gives the labels; columns sum to 1.
        budget: Labels to buy at most.
        rooms: (items): labels that each may get.
    """
    from labelmill_quality.planning import lookahead_loops as loops

    posterior = np.ascontiguousarray(posterior)
    now = posterior.max(axis=1)
    values = [now]
    for outcomes in batches(confusion):
        maxima = np.empty(len(now))
        loops.expected_maxima(posterior, np.ascontiguousarray(outcomes.likelihoods), maxima)
        values.append(np.maximum(maxima, values[-1]))
    worth = np.column_stack(values)
    steps = np.diff(_concave(worth), axis=1)
    steps[np.arange(steps.shape[1]) >= rooms[:, None]] = 0.0
    # Steps of one item never grow, so the best ones over all items are each item's first ones.
    chosen = np.argsort(-steps, axis=None, kind="stable")[: max(budget, 0)]
    chosen = chosen[steps.ravel()[chosen] > 0]
    labels = np.bincount(chosen // steps.shape[1], minlength=len(now))
    return Allocation(labels, float(worth[np.arange(len(now)), labels].sum()))


def _concave(values: Floats) -> Floats:
    """The least concave sequence over each row: between two kept points, a straight line."""
    hull, points = values.copy(), values.shape[1]
    for start in range(points):
        for end in range(start + 2, points):
            slope = (hull[:, end] - hull[:, start]) / (end - start)
            line = hull[:, [start]] + slope[:, None] * np.arange(1, end - start)
            hull[:, start + 1 : end] = np.maximum(hull[:, start + 1 : end], line)
    return hull
