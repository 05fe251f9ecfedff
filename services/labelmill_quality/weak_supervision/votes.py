"""What labeling functions say about items: a matrix of votes, and its distinct rows. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import sparse

from labelmill_quality.labels import LabelTable

Votes = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

ABSTAIN = -1
_SAMPLE, _RARELY = 20_000, 0.9
"""Rows hardly repeat when more than this share of so many are distinct."""


@dataclass(frozen=True)
class VoteMatrix:
    """One row an item, one column a function; a cell is the index of a class, or ABSTAIN."""

    items: Sequence[str]
    functions: tuple[str, ...]
    classes: tuple[str, ...]
    votes: Votes
    """(items, functions)"""

    @cached_property
    def patterns(self) -> Patterns:
        """The distinct rows; all rows where they hardly repeat."""
        return distinct(self.votes, len(self.classes))

    @cached_property
    def covered(self) -> npt.NDArray[np.bool_]:
        """(items): some function votes."""
        return np.asarray((self.votes != ABSTAIN).any(axis=1))

    @cached_property
    def unipolar(self) -> npt.NDArray[np.bool_]:
        """(functions): votes for one class at most."""
        return np.asarray((self.patterns.cast > 0).sum(axis=1) <= 1)


@dataclass(frozen=True)
class Patterns:
    """Rows of votes, each once unless they hardly repeat: what looks the same to all functions is judged the same."""

    rows: Votes
    """(patterns, functions)"""
    counts: Counts
    """(patterns): items of each."""
    pattern_of_item: npt.NDArray[np.intp]
    """(items)"""
    class_count: int

    @cached_property
    def cast(self) -> Floats:
        """(functions, classes): votes of all items."""
        return np.asarray(self.design.T @ self.counts.astype(np.float64)).reshape(-1, self.class_count)

    @cached_property
    def class_counts(self) -> Floats:
        """(patterns, classes): votes for each."""
        each = np.tile(np.eye(self.class_count), (self.rows.shape[1], 1))
        return np.asarray(self.design @ each)

    @cached_property
    def design(self) -> sparse.csr_matrix:
        """(patterns, functions x classes): a one for each vote; sums over votes are products with it."""
        cast = self.rows != ABSTAIN
        places = np.arange(self.rows.shape[1], dtype=np.int32) * self.class_count
        columns = (self.rows + places)[cast]
        ends = np.concatenate([[0], np.cumsum(cast.sum(axis=1))])
        shape = (len(self.rows), self.rows.shape[1] * self.class_count)
        return sparse.csr_matrix((np.ones(len(columns)), columns, ends), shape=shape)


def matrix_of(table: LabelTable, items: Sequence[str] = (), functions: Sequence[str] = ()) -> VoteMatrix:
    """The matrix of votes given as rows.

    Args:
        table: The votes; its labelers are the functions.
        items: Further items, about which no function may have voted.
        functions: The functions in order; those of the table that are not named come after them.
    """
    named = list(dict.fromkeys([*functions, *table.labelers]))
    silent = sorted(set(items).difference(table.items))
    votes = np.full((len(table.items) + len(silent), len(named)), ABSTAIN, np.int16)
    place = {name: column for column, name in enumerate(named)}
    columns = np.array([place[name] for name in table.labelers], np.intp)
    if len(table):
        votes[table.item_codes, columns[table.labeler_codes]] = table.class_codes
    everything = [*table.items, *silent]
    order = np.argsort(np.array(everything, dtype=object), kind="stable") if silent else np.arange(len(everything))
    return VoteMatrix([everything[at] for at in order], tuple(named), table.classes, votes[order])


def distinct(votes: Votes, class_count: int) -> Patterns:
    """The distinct rows of a matrix.

    Rows are compared by a 64-bit hash, ten times as fast as by their bytes; where two rows share a hash but differ
    (never seen), they are compared by their bytes. Where a sample of rows hardly repeats, every row is a pattern.
    """
    sample = votes[:_SAMPLE]
    if len(votes) > _SAMPLE and len(np.unique(_keys(sample))) > _RARELY * len(sample):
        return Patterns(votes, np.ones(len(votes), np.int64), np.arange(len(votes)), class_count)
    _, first, inverse, counts = np.unique(_keys(votes), return_index=True, return_inverse=True, return_counts=True)
    rows = votes[first]
    if not np.array_equal(rows[inverse], votes):
        rows, inverse, counts = np.unique(votes, axis=0, return_inverse=True, return_counts=True)
    return Patterns(rows, counts.astype(np.int64), inverse.ravel(), class_count)


def _keys(votes: Votes) -> npt.NDArray[np.uint64]:
    """(rows): a hash of each."""
    generator = np.random.default_rng(0)
    multipliers = np.asarray(generator.integers(1, 2**63, votes.shape[1], dtype=np.uint64))
    keys = np.zeros(len(votes), np.uint64)
    for column, multiplier in enumerate(multipliers | np.uint64(1)):
        mixed = (votes[:, column].astype(np.int64) + 2).astype(np.uint64) * multiplier
        keys += mixed ^ (mixed >> np.uint64(29))
    return keys
