"""Compiled optimal assignment; what it computes is said in `assignment` and `boxes`."""

from __future__ import annotations

import numpy as np

from labelmill_quality.compiled import compiled
from labelmill_quality.matching.assignment import Columns, Floats


@compiled
def assign(weights: Floats) -> Columns:
    """(rows,): the column of each row, -1 for none, so that the sum of the weights is the largest that there is.

    Weights of 0 or less pair nothing. Rows and columns that can only have each other are paired at once; the rest by
    shortest augmenting paths with potentials (Kuhn 1955; Jonker and Volgenant 1987), rows² x columns.
    """
    rows, columns = weights.shape
    row_choices, column_choices = np.zeros(rows, np.int64), np.zeros(columns, np.int64)
    last_choice = np.full(rows, -1, np.int64)
    for i in range(rows):
        for j in range(columns):
            if weights[i, j] > 0:
                row_choices[i] += 1
                column_choices[j] += 1
                last_choice[i] = j
    result = np.full(rows, -1, np.int64)
    for i in range(rows):
        if row_choices[i] == 1 and column_choices[last_choice[i]] == 1:
            result[i] = last_choice[i]
            row_choices[i], column_choices[last_choice[i]] = 0, 0
    left, right = np.flatnonzero(row_choices), np.flatnonzero(column_choices)
    if len(left) == 0:
        return result
    turned = len(left) > len(right)
    size, width = min(len(left), len(right)), max(len(left), len(right))
    costs = np.zeros((size + 1, width + 1))
    for i in range(size):
        for j in range(width):
            weight = weights[left[j], right[i]] if turned else weights[left[i], right[j]]
            costs[i + 1, j + 1] = -max(weight, 0.0)
    row_of = _augment(costs)
    for j in range(1, width + 1):
        if row_of[j] > 0 and costs[row_of[j], j] < 0:
            if turned:
                result[left[j - 1]] = right[row_of[j] - 1]
            else:
                result[left[row_of[j] - 1]] = right[j - 1]
    return result


@compiled
def _augment(costs: Floats) -> Columns:
    """(columns + 1,): the row of each column at the least total cost, 0 for none; index 0 of `costs` is not used."""
    rows, columns = costs.shape[0] - 1, costs.shape[1] - 1
    row_potential, column_potential = np.zeros(rows + 1), np.zeros(columns + 1)
    row_of, way = np.zeros(columns + 1, np.int64), np.zeros(columns + 1, np.int64)
    for row in range(1, rows + 1):
        row_of[0] = row
        column = 0
        shortest = np.full(columns + 1, np.inf)
        done = np.zeros(columns + 1, np.bool_)
        while True:
            done[column] = True
            from_row, delta, following = row_of[column], np.inf, 0
            for j in range(1, columns + 1):
                if not done[j]:
                    reduced = costs[from_row, j] - row_potential[from_row] - column_potential[j]
                    if reduced < shortest[j]:
                        shortest[j], way[j] = reduced, column
                    if shortest[j] < delta:
                        delta, following = shortest[j], j
            for j in range(columns + 1):
                if done[j]:
                    row_potential[row_of[j]] += delta
                    column_potential[j] -= delta
                else:
                    shortest[j] -= delta
            column = following
            if row_of[column] == 0:
                break
        while column != 0:
            row_of[column] = row_of[way[column]]
            column = way[column]
    return row_of
