"""The loop of `pairs`, compiled. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelmill_quality.compiled import compiled

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@compiled
def overlapping(bounds: Floats, starts: Integers, labelers: Integers) -> tuple[Integers, Integers, Floats]:
    """Pairs of upright rectangles of one item and different labelers that overlap, with their IoU.

    The rectangles of an item are ordered by their left edges, so that the search for partners ends at the right edge.
    """
    room = 1024
    first, second, values = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room)
    count = 0
    for item in range(len(starts) - 1):
        for i in range(starts[item], starts[item + 1]):
            area = (bounds[i, 2] - bounds[i, 0]) * (bounds[i, 3] - bounds[i, 1])
            for j in range(i + 1, starts[item + 1]):
                if bounds[j, 0] >= bounds[i, 2]:
                    break
                if labelers[i] == labelers[j]:
                    continue
                across = min(bounds[i, 2], bounds[j, 2]) - bounds[j, 0]
                down = min(bounds[i, 3], bounds[j, 3]) - max(bounds[i, 1], bounds[j, 1])
                if across <= 0 or down <= 0:
                    continue
                shared = across * down
                other = (bounds[j, 2] - bounds[j, 0]) * (bounds[j, 3] - bounds[j, 1])
                if count == room:
                    room *= 2
                    first, second = _longer(first, room), _longer(second, room)
                    more = np.empty(room)
                    more[:count] = values
                    values = more
                first[count], second[count], values[count] = i, j, shared / (area + other - shared)
                count += 1
    return first[:count].copy(), second[:count].copy(), values[:count].copy()


@compiled
def _longer(values: Integers, room: int) -> Integers:
    longer = np.empty(room, np.int64)
    longer[: len(values)] = values
    return longer
