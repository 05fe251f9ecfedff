"""All that some labels of one labeler could say about an item. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import comb, factorial

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MOST_OUTCOMES = 256
"""Of a batch of labels at most: larger batches are not looked at."""
LARGEST_BATCH = 9


@dataclass(frozen=True)
class Outcomes:
    """What a batch of labels could say, whatever the order."""

    batch: int
    """Labels."""
    likelihoods: Floats
    """(outcomes, true classes): how likely each is given the true class; every column sums to 1."""


def batches(confusion: Floats) -> list[Outcomes]:
    """The outcomes of one label, of two, and so on as far as there are few enough; of one label always.

    Args:
        confusion: (classes said, true classes): how likely the labeler says what given the truth; columns sum to 1.
    """
    classes = len(confusion)
    found = [Outcomes(1, confusion)]
    for batch in range(2, LARGEST_BATCH + 1):
        if comb(batch + classes - 1, batch) > MOST_OUTCOMES:
            break
        found.append(Outcomes(batch, np.array([_likelihood(confusion, said) for said in _said(classes, batch)])))
    return found


def _said(classes: int, batch: int) -> list[tuple[int, ...]]:
    return list(combinations_with_replacement(range(classes), batch))


def _likelihood(confusion: Floats, said: tuple[int, ...]) -> Floats:
    orders = factorial(len(said))
    for count in np.bincount(said):
        orders //= factorial(int(count))
    likelihood: Floats = orders * np.prod(confusion[list(said)], axis=0)
    return likelihood
