"""ROVER: the answers are aligned unit by unit, and each place is voted on. Pure."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import numpy.typing as npt

from labelmill_quality.text_answers.consensus import TextConsensus
from labelmill_quality.text_answers.medoid import medoids
from labelmill_quality.text_answers.similarity import Pairs, reliabilities
from labelmill_quality.text_answers.table import Floats, TextTable
from labelmill_quality.text_answers.units import Units

NAME = "rover"
VERSION = "1"
REALIGNMENTS = 2
"""Times that each answer is taken out and aligned again with what the others have become."""
NOTHING = -1

Grid = npt.NDArray[np.int32]
"""(answers, places): the code of the unit that the answer has there, or NOTHING."""


def fit(table: TextTable, pairs: Pairs) -> TextConsensus:
    """Aligns each item's answers into one network of places and takes the heaviest unit, or nothing, at each.

    Answers are added one by one, the medoid first, then the most reliable ones; each is aligned with what is there by
    the cheapest path. Taking a unit at a place costs one minus the share of votes that it has there, skipping a place
    one minus the share of those that have nothing there, a new place 1. Then each answer is taken out and aligned again
    with the others, twice, since the first ones were aligned with little. Votes weigh as their labelers are reliable.

    What differs from the paper: it aligns once, in the order given, at a cost of 0 or 1; and its voters are
    recognisers, whose confidence takes the place of reliability.

    (J. Fiscus, A post-processing system to yield reduced word error rates: Recognizer Output Voting Error Reduction
    (ROVER), ASRU 1997.)
    """
    found = reliabilities(table, pairs)
    first = medoids(table, pairs, found.weights)
    units: list[Units] = []
    for item in range(len(table.items)):
        rows = np.array(table.rows_of(item))
        weights = found.weights[table.labeler_codes[rows]]
        order = np.lexsort((rows, -weights, rows != first[item]))
        units.append(_elect([table.units[rows[place]] for place in order], weights[order]))
    return TextConsensus.of(table, units, [each.text for each in units], found, NAME, VERSION)


def _elect(answers: list[Units], weights: Floats) -> Units:
    """The units that win, the first answer's where votes are equal."""
    if len({answer.written for answer in answers}) == 1:
        return answers[0]
    codes: dict[str, int] = {}
    coded = [np.array([codes.setdefault(unit, len(codes)) for unit in answer.compared], np.int32) for answer in answers]
    grid = _aligned(coded, weights, len(codes))
    votes = _votes(grid, weights, len(codes))
    places = np.arange(grid.shape[1])
    preferred = votes[places, grid[0]]  # NOTHING is the last column
    winners = np.where(preferred >= votes.max(axis=1) - 1e-9, grid[0], votes.argmax(axis=1))
    compared = list(codes)
    chosen = [(place, int(code)) for place, code in enumerate(winners) if code not in (NOTHING, len(codes))]
    written = _written(answers, grid, weights)
    return Units(
        tuple(written[place, code] for place, code in chosen),
        tuple(compared[code] for _, code in chosen),
        answers[0].unit,
    )


def _aligned(coded: list[Grid], weights: Floats, kinds: int) -> Grid:
    grid = coded[0][None, :]
    for answer in range(1, len(coded)):
        grid = _added(grid, coded[answer], weights[: answer + 1], kinds)
    for _ in range(REALIGNMENTS):
        before = grid
        for answer in range(len(coded)):
            others = np.delete(grid, answer, axis=0)
            others = others[:, (others != NOTHING).any(axis=0)]
            order = np.append(np.delete(np.arange(len(coded)), answer), answer)
            grid = _added(others, coded[answer], weights[order], kinds)
            grid = np.insert(grid[:-1], answer, grid[-1], axis=0)
        if grid.shape == before.shape and (grid == before).all():
            break
    return grid


def _added(grid: Grid, answer: Grid, weights: Floats, kinds: int) -> Grid:
    """The grid with a row more; `weights` are the rows', the new one's last."""
    from labelmill_quality.text_answers.alignment_loops import align

    votes = _votes(grid, weights[:-1], kinds)
    places = align(votes / max(float(weights[:-1].sum()), 1e-9), answer)
    new = places < 0
    # A new place stands before the next one that is there already.
    following = np.minimum.accumulate(np.where(new, grid.shape[1], places)[::-1])[::-1]
    wide = np.insert(grid, following[new], NOTHING, axis=1)
    row = np.full(wide.shape[1], NOTHING, np.int32)
    row[np.where(new, following, places) + np.cumsum(new) - new] = answer
    return np.vstack([wide, row])


def _votes(grid: Grid, weights: Floats, kinds: int) -> Floats:
    """(places, kinds + 1): the weight that each unit has at each place; that of nothing in the last column."""
    votes = np.zeros((grid.shape[1], kinds + 1))
    places = np.arange(grid.shape[1])
    for row, weight in zip(grid, weights, strict=True):
        votes[places, row] += weight  # NOTHING, -1, is the last column
    return votes


def _written(answers: list[Units], grid: Grid, weights: Floats) -> dict[tuple[int, int], str]:
    """How the units that are compared as equal are written at each place: as most do."""
    votes: defaultdict[tuple[int, int], defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    for answer, row, weight in zip(answers, grid, weights, strict=True):
        for place, written in zip(np.flatnonzero(row != NOTHING).tolist(), answer.written, strict=True):
            votes[place, int(row[place])][written] += weight
    return {cell: max(sorted(forms), key=forms.__getitem__) for cell, forms in votes.items()}
