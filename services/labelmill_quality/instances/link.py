"""The loops of `clustering`, compiled. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from labelmill_quality.compiled import compiled

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_NEVER = -1e18
_ROUNDS = 50
_ENOUGH = 1e-12


@compiled
def components(rows: int, first: Integers, second: Integers, similarity: Floats, threshold: float) -> Integers:
    """Rows that a chain of pairs above the threshold joins share a number; numbered by their first row.

    A pair between components gains nothing, so they are solved one by one.
    """
    parent = np.arange(rows)
    for pair in range(len(first)):
        if similarity[pair] > threshold:
            one, other = _root(parent, first[pair]), _root(parent, second[pair])
            parent[max(one, other)] = min(one, other)
    number = np.full(rows, -1, np.int64)
    count = 0
    for row in range(rows):
        root = _root(parent, row)
        if number[root] < 0:
            number[root] = count
            count += 1
        number[row] = number[root]
    return number


@compiled
def _root(parent: Integers, row: int) -> int:
    while parent[row] != row:
        parent[row] = parent[parent[row]]
        row = parent[row]
    return row


@compiled
def solve(
    starts: Integers,
    labelers: Integers,
    pair_starts: Integers,
    first: Integers,
    second: Integers,
    gains: Floats,
    threshold: float,
) -> Integers:
    """The cluster of every row, numbered within its component.

    Args:
        starts: (components + 1,): where each begins in the rows.
        labelers: (rows,).
        pair_starts: (components + 1,): where each begins in the pairs.
        first: (pairs,): place in the component.
        second: (pairs,): place in the component.
        gains: (pairs,): similarity minus threshold.
        threshold: What a pair that is not listed loses.
    """
    result = np.zeros(len(labelers), np.int64)
    for component in range(len(starts) - 1):
        begin, end = starts[component], starts[component + 1]
        size = end - begin
        if size == 1:
            continue
        gain = np.full((size, size), -threshold)
        for pair in range(pair_starts[component], pair_starts[component + 1]):
            gain[first[pair], second[pair]] = gains[pair]
            gain[second[pair], first[pair]] = gains[pair]
        for i in range(size):
            for j in range(size):
                if labelers[begin + i] == labelers[begin + j]:
                    gain[i, j] = _NEVER
        result[begin:end] = _solve_one(gain, labelers[begin:end])
    return result


@compiled
def _solve_one(gain: Floats, labelers: Integers) -> Integers:
    assignment = np.arange(len(labelers))
    _merge(gain, assignment)
    names = np.unique(labelers)
    for _ in range(_ROUNDS):
        if _perfect(gain, assignment) or not _reassign_best(gain, labelers, names, assignment):
            break
        _merge(gain, assignment)
    return assignment


@compiled
def _perfect(gain: Floats, assignment: Integers) -> bool:
    """Every pair that gains is together and no other: nothing can be better."""
    for i in range(len(assignment)):
        for j in range(i):
            if (gain[i, j] > 0) != (assignment[i] == assignment[j]):
                return False
    return True


@compiled
def _merge(gain: Floats, assignment: Integers) -> None:
    """Joins the two clusters of the largest mean gain while it is positive; a cluster is named by its first member."""
    size = len(assignment)
    between = np.zeros((size, size))
    count = np.zeros(size)
    for i in range(size):
        count[assignment[i]] += 1
        for j in range(size):
            between[assignment[i], assignment[j]] += gain[i, j]
    best = np.full(size, -1, np.int64)
    for row in range(size):
        if count[row] > 0:
            best[row] = _partner(between, count, row)
    while True:
        one = -1
        most = _ENOUGH
        for row in range(size):
            if count[row] > 0 and best[row] >= 0:
                mean = between[row, best[row]] / (count[row] * count[best[row]])
                if mean > most:
                    one, most = row, mean
        if one < 0:
            return
        other = best[one]
        one, other = min(one, other), max(one, other)
        for row in range(size):
            between[one, row] += between[other, row]
            between[row, one] = between[one, row]
            if assignment[row] == other:
                assignment[row] = one
        count[one] += count[other]
        count[other] = 0
        best[other] = -1
        _look_again(between, count, best, one, other)


@compiled
def _look_again(between: Floats, count: Floats, best: Integers, one: int, other: int) -> None:
    """Brings the best partners up to date after `other` has gone into `one`."""
    best[one] = _partner(between, count, one)
    for row in range(len(best)):
        if count[row] == 0 or row == one:
            continue
        if best[row] == one or best[row] == other:
            best[row] = _partner(between, count, row)
        elif row < one and between[row, one] > 0:
            mean = between[row, one] / count[one]
            if best[row] < 0 or mean > between[row, best[row]] / count[best[row]]:
                best[row] = one


@compiled
def _partner(between: Floats, count: Floats, row: int) -> int:
    """The later cluster that a cluster would gain most with; -1 for none."""
    partner, most = -1, 0.0
    for other in range(row + 1, len(count)):
        if count[other] > 0 and between[row, other] > 0:
            mean = between[row, other] / count[other]
            if mean > most:
                partner, most = other, mean
    return partner


@compiled
def _reassign_best(gain: Floats, labelers: Integers, names: Integers, assignment: Integers) -> bool:
    """Assigns the instances of one labeler anew, of the labeler where that improves most; False where nothing does."""
    most, found = _ENOUGH, False
    chosen = assignment.copy()
    for name in names:
        rows = np.flatnonzero(labelers == name)
        clusters = np.unique(assignment[labelers != name])
        values = np.zeros((len(rows), len(clusters) + len(rows)))  # the last columns: a cluster of its own
        before = 0.0
        for index in range(len(rows)):
            row = rows[index]
            for place in range(len(clusters)):
                for other in range(len(labelers)):
                    if labelers[other] != name and assignment[other] == clusters[place]:
                        values[index, place] += gain[row, other]
                if clusters[place] == assignment[row]:
                    before += values[index, place]
        columns = _assign(values)
        after = 0.0
        for index in range(len(rows)):
            after += values[index, columns[index]]
        if after - before > most:
            most, found = after - before, True
            chosen = assignment.copy()
            for index in range(len(rows)):
                if columns[index] < len(clusters):
                    chosen[rows[index]] = clusters[columns[index]]
                else:
                    chosen[rows[index]] = -1 - rows[index]
    if found:
        _rename(chosen, assignment)
    return found


@compiled
def _rename(chosen: Integers, assignment: Integers) -> None:
    """Names clusters by their first member again."""
    for row in range(len(chosen)):
        for other in range(row + 1):
            if chosen[other] == chosen[row]:
                assignment[row] = other
                break


@compiled
def _assign(values: Floats) -> Integers:
    """The column of every row so that the sum is largest (Hungarian, by shortest augmenting paths); columns >= rows."""
    rows, columns = values.shape
    row_price, column_price = np.zeros(rows + 1), np.zeros(columns + 1)
    row_of = np.zeros(columns + 1, np.int64)
    way = np.zeros(columns + 1, np.int64)
    for row in range(1, rows + 1):
        row_of[0] = row
        column = 0
        least = np.full(columns + 1, np.inf)
        used = np.zeros(columns + 1, np.bool_)
        while True:
            used[column] = True
            current, delta, following = row_of[column], np.inf, 0
            for other in range(1, columns + 1):
                if not used[other]:
                    reduced = -values[current - 1, other - 1] - row_price[current] - column_price[other]
                    if reduced < least[other]:
                        least[other], way[other] = reduced, column
                    if least[other] < delta:
                        delta, following = least[other], other
            for other in range(columns + 1):
                if used[other]:
                    row_price[row_of[other]] += delta
                    column_price[other] -= delta
                else:
                    least[other] -= delta
            column = following
            if row_of[column] == 0:
                break
        while column != 0:
            row_of[column] = row_of[way[column]]
            column = way[column]
    result = np.zeros(rows, np.int64)
    for column in range(1, columns + 1):
        if row_of[column] > 0:
            result[row_of[column] - 1] = column - 1
    return result
