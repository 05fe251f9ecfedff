"""Masks on top of one another, as run lengths. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelmill_quality.compiled import compiled
from labelmill_quality.shapes.values import RunLengths

Integers = npt.NDArray[np.int64]


@compiled
def stretches(counts: RunLengths, offsets: Integers) -> tuple[Integers, npt.NDArray[np.bool_]]:
    """Cuts an image wherever one of its masks begins or ends.

    Args:
        counts: Run lengths of the masks, one mask after another.
        offsets: (masks + 1,): where each mask's begin.

    Returns:
        (stretches,): pixels of each; (stretches, masks): which masks hold it.
    """
    masks = len(offsets) - 1
    lengths = np.empty(len(counts) + 1, np.int64)
    marks = np.zeros((len(counts) + 1, masks), np.bool_)
    run = offsets[:-1].copy()
    remaining = np.empty(masks, np.int64)
    inside = np.zeros(masks, np.bool_)
    for mask in range(masks):
        remaining[mask] = counts[run[mask]]
    found = 0
    while True:
        step = np.int64(-1)
        for mask in range(masks):
            while remaining[mask] == 0 and run[mask] + 1 < offsets[mask + 1]:
                run[mask] += 1
                inside[mask] = not inside[mask]
                remaining[mask] = counts[run[mask]]
            if step < 0 or remaining[mask] < step:
                step = remaining[mask]
        if step <= 0:
            break
        lengths[found] = step
        for mask in range(masks):
            marks[found, mask] = inside[mask]
            remaining[mask] -= step
        found += 1
    return lengths[:found].copy(), marks[:found].copy()
