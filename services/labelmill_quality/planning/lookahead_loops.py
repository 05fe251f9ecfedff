"""The hot loops of looking ahead. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelmill_quality.compiled import compiled

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


@compiled
def expected_maxima(posterior: Floats, likelihoods: Floats, maxima: Floats) -> None:
    """Fills in, for each item, the expected largest posterior once one of the outcomes has happened.

    Args:
        posterior: (items, classes)
        likelihoods: (outcomes, classes)
        maxima: (items)
    """
    items, classes = posterior.shape
    for item in range(items):
        total = 0.0
        for outcome in range(len(likelihoods)):
            largest = 0.0
            for k in range(classes):
                largest = max(largest, posterior[item, k] * likelihoods[outcome, k])
            total += largest
        maxima[item] = total


@compiled
def _draw(shares: Floats) -> int:
    left = np.random.random()
    for k in range(len(shares)):
        left -= shares[k]
        if left < 0:
            return k
    return int(shares.argmax())


@compiled
def simulate(
    posterior: Floats,
    columns: Floats,
    rooms: Counts,
    threshold: float,
    courses: int,
    seed: int,
    bought: Counts,
    reached: Counts,
) -> None:
    """Buys labels in thought, until the largest posterior reaches the threshold or no more may be bought.

    Each course draws a true class from the posterior and labels from what a labeler says about that class. Every item
    has the same sequence of random numbers, so that its figures do not depend on the other items.

    Args:
        posterior: (items, classes)
        columns: (true classes, classes said): rows sum to 1.
        rooms: (items): labels at most.
        threshold: When an item is settled.
        courses: How often.
        seed: The same seed gives the same courses.
        bought: (items, most labels + 1): filled with how many courses bought so many labels.
        reached: (items): filled with the courses that reached the threshold.
    """
    items, classes = posterior.shape
    belief = np.empty(classes)
    for item in range(items):
        np.random.seed(seed)  # numba's own generator, of this thread; nothing else uses it
        for _ in range(courses):
            truth, count, largest = _draw(posterior[item]), 0, posterior[item].max()
            belief[:] = posterior[item]
            while largest < threshold and count < rooms[item]:
                count += 1
                said = _draw(columns[truth])
                total, largest = 0.0, 0.0
                for k in range(classes):
                    belief[k] *= columns[k, said]
                    total += belief[k]
                    largest = max(largest, belief[k])
                for k in range(classes):
                    belief[k] /= total
                largest /= total
            bought[item, count] += 1
            if largest >= threshold:
                reached[item] += 1
