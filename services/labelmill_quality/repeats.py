"""What counts where one labeler answered one item several times. Pure."""

from __future__ import annotations

from enum import Enum

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]
Weights = npt.NDArray[np.float64]


class Repeats(Enum):
    """The policy."""

    LAST = "last"
    """The last answer: people correct themselves."""
    FIRST = "first"
    """The first answer: what came after may have been influenced."""
    MAJORITY = "majority"
    """The answer that was given most often; of several, the one given last."""
    ALL = "all"
    """Every answer, each of n with a weight of 1/n."""


def choose(
    items: Codes, labelers: Codes, classes: Codes, labeler_count: int, policy: Repeats
) -> tuple[Rows, Weights | None]:
    """The rows that count, ordered by item, then labeler; and how much each counts, where not all count fully.

    Args:
        items: (rows) codes.
        labelers: (rows) codes.
        classes: (rows) codes.
        labeler_count: How many labelers there are.
        policy: Which of several answers count.
    """
    keys = items.astype(np.int64) * max(1, labeler_count) + labelers
    order, keys = _sorted(keys)
    begins = np.flatnonzero(np.diff(keys, prepend=-1))
    sizes = np.diff(begins, append=len(keys))
    if len(begins) == len(keys):
        return order, None
    if policy is Repeats.ALL:
        return order, np.repeat(1.0 / sizes, sizes)
    if policy is Repeats.FIRST:
        return order[begins], None
    if policy is Repeats.LAST:
        return order[begins + sizes - 1], None
    return order[_commonest(classes[order], np.repeat(np.arange(len(begins)), sizes))], None


def _sorted(keys: Rows) -> tuple[Rows, Rows]:
    """The order of the keys, equal ones in the order of their rows; and the keys in it."""
    bits = len(keys).bit_length()
    if len(keys) and int(keys.max()).bit_length() + bits < 63:
        # Key and row in one number: sorting numbers is several times faster than sorting places.
        packed = (keys << bits) | np.arange(len(keys))
        packed.sort()
        return packed & ((1 << bits) - 1), packed >> bits
    order = np.argsort(keys, kind="stable")
    return order, keys[order]


def _commonest(classes: Codes, groups: Rows) -> Rows:
    """For each group, the place of the last row with the class that most of its rows have."""
    size = int(classes.max()) + 1
    cells, back, counts = np.unique(groups * size + classes, return_inverse=True, return_counts=True)
    last = np.zeros(len(cells), np.int64)
    np.maximum.at(last, back, np.arange(len(classes)))
    best = np.lexsort((last, counts, cells // size))
    ends = np.flatnonzero(np.diff(cells[best] // size, append=-1))
    return last[best[ends]]
