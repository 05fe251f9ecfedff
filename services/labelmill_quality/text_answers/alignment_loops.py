"""The hot loop of ROVER. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelmill_quality.compiled import compiled

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]


@compiled
def align(shares: Floats, answer: Codes) -> npt.NDArray[np.int64]:
    """The cheapest path of an answer through a network of places.

    Args:
        shares: (places, kinds + 1): share of votes that each unit has at each place, that of nothing in the last
            column.
        answer: (units): their codes.

    Returns:
        (units): the place of each, ascending; -1 for a new place of its own.
    """
    places, units = len(shares), len(answer)
    costs = np.empty((places + 1, units + 1))
    costs[0, 0] = 0.0
    for place in range(places):
        costs[place + 1, 0] = costs[place, 0] + 1 - shares[place, -1]
    for unit in range(units):
        costs[0, unit + 1] = costs[0, unit] + 1
    for place in range(places):
        for unit in range(units):
            taken = costs[place, unit] + 1 - shares[place, answer[unit]]
            skipped = costs[place, unit + 1] + 1 - shares[place, -1]
            added = costs[place + 1, unit] + 1
            costs[place + 1, unit + 1] = min(taken, skipped, added)
    found = np.full(units, -1, np.int64)
    place, unit = places, units
    while unit > 0 and place > 0:
        cost = costs[place, unit]
        if cost == costs[place - 1, unit - 1] + 1 - shares[place - 1, answer[unit - 1]]:
            place, unit = place - 1, unit - 1
            found[unit] = place
        elif cost == costs[place - 1, unit] + 1 - shares[place - 1, -1]:
            place -= 1
        else:
            unit -= 1
    return found
