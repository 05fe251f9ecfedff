"""Which rows of a batch may see each other: those of one text, at the distances of the network's windows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DISTANCES = (1, 2, 4, 8)
"""How far the windows' outer tokens are from the middle one."""


def links(text: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Two tables, a row a token, a column a distance: 1 where the token so far before (after) it is of the same text.

    Args:
        text: The index of each token's text, in order.
    """
    before = np.zeros((len(text), len(DISTANCES)), np.float32)
    after = np.zeros_like(before)
    for column, distance in enumerate(DISTANCES):
        same = text[distance:] == text[:-distance]
        before[distance:, column] = same
        after[: len(same), column] = same
    return before, after
