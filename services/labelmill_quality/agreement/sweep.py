"""The loop of `unitized`, compiled. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelmill_quality.compiled import compiled

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@compiled
def sweep(
    starts: Integers,
    places: Floats,
    labelers: Integers,
    kinds: Integers,
    steps: Integers,
    lengths: Floats,
    viewers: Integers,
    keys: Integers,
) -> tuple[Floats, Integers, Integers, Floats]:
    """Walks along every line, from boundary to boundary.

    A labeler's value is the sum of the keys of the kinds that it has open, 0 where it has none.

    Args:
        starts: (items + 1,): where each item's boundaries begin.
        places: (boundaries,): rising within an item.
        labelers: (boundaries,): from 0 among the item's viewers.
        kinds: (boundaries,): codes.
        steps: (boundaries,): 1 where a stretch begins, -1 where one ends.
        lengths: (items,).
        viewers: (items,).
        keys: (kinds,): random numbers.

    Returns:
        (items,): the integral of the share of disagreeing pairs, times the viewers; and runs of one value of one
        labeler: their item, value and length.
    """
    most = max(1, viewers.max())
    open_count = np.zeros((most, len(keys)), np.int64)
    value, since = np.zeros(most, np.int64), np.zeros(most)
    observed = np.zeros(len(lengths))
    room = len(places) + int(viewers.sum())
    run_items, run_values, run_lengths = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room)
    runs = 0
    for item in range(len(lengths)):
        count = viewers[item]
        value[:count], since[:count] = 0, 0.0
        before = 0.0
        for index in range(starts[item], starts[item + 1]):
            place, labeler, kind = places[index], labelers[index], kinds[index]
            if place > before:
                observed[item] += (place - before) * _disagreement(value, count)
                before = place
            was = open_count[labeler, kind]
            open_count[labeler, kind] += steps[index]
            if (was > 0) != (open_count[labeler, kind] > 0):
                run_items[runs], run_values[runs], run_lengths[runs] = item, value[labeler], place - since[labeler]
                runs += 1
                since[labeler] = place
                value[labeler] += keys[kind] if was <= 0 else -keys[kind]
        if lengths[item] > before:
            observed[item] += (lengths[item] - before) * _disagreement(value, count)
        for labeler in range(count):
            run_items[runs], run_values[runs] = item, value[labeler]
            run_lengths[runs] = lengths[item] - since[labeler]
            runs += 1
    return observed, run_items[:runs], run_values[:runs], run_lengths[:runs]


@compiled
def _disagreement(value: Integers, count: int) -> float:
    """Ordered pairs of labelers who differ, by the number of others."""
    if count < 2:
        return 0.0
    differing = 0
    for one in range(count):
        for other in range(one):
            if value[one] != value[other]:
                differing += 2
    return differing / (count - 1)
