"""Who answered which number about which item, as columns. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from labelmill_quality.encoding import encode
from labelmill_quality.errors import DuplicateGold, NotANumber
from labelmill_quality.repeats import Repeats, choose

Codes = npt.NDArray[np.int32]
Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

LARGEST = 1e15
"""Magnitude of an answer at most: beyond, a double no longer holds all whole numbers and squares lose everything."""


@dataclass(frozen=True)
class NumberTable:
    """One row per (item, labeler), ordered by item, then labeler; codes point into the vocabularies."""

    items: Sequence[str]
    labelers: Sequence[str]
    item_codes: Codes
    labeler_codes: Codes
    values: Floats

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def counts(self) -> Counts:
        """Answers of each item."""
        return np.bincount(self.item_codes, minlength=len(self.items))

    @cached_property
    def starts(self) -> Counts:
        """Where each item's rows start, and where the last one's end; length items + 1."""
        return np.concatenate([[0], np.cumsum(self.counts)])

    @cached_property
    def counts_of_labelers(self) -> Counts:
        """Answers of each labeler."""
        return np.bincount(self.labeler_codes, minlength=len(self.labelers))

    @cached_property
    def ordered(self) -> Floats:
        """The values, each item's in ascending order."""
        ordered: Floats = self.values[np.lexsort((self.values, self.item_codes))]
        return ordered

    def sums(self, values: Floats) -> Floats:
        """Sums over the rows of each item."""
        return np.asarray(np.bincount(self.item_codes, values, minlength=len(self.items)), np.float64)

    def sums_of_labelers(self, values: Floats) -> Floats:
        """Sums over the rows of each labeler."""
        return np.asarray(np.bincount(self.labeler_codes, values, minlength=len(self.labelers)), np.float64)


def make_number_table(
    items: Sequence[str],
    labelers: Sequence[str],
    values: Sequence[float],
    *,
    repeats: Repeats = Repeats.LAST,
    field: str = "labels[{row}].number",
) -> NumberTable:
    """Encodes rows; the three sequences are equally long. Under Repeats.ALL, the mean of a labeler's answers counts.

    Raises:
        NotANumber: A value is not finite, or beyond LARGEST.
    """
    numbers = np.asarray(values, np.float64)
    _require_numbers(numbers, field)
    item_names, item_codes = encode(items)
    labeler_names, labeler_codes = encode(labelers)
    kinds = np.unique(numbers, return_inverse=True)[1].astype(np.int32)
    keep, weights = choose(item_codes, labeler_codes, kinds, len(labeler_names), repeats)
    item_codes, labeler_codes, numbers = item_codes[keep], labeler_codes[keep], numbers[keep]
    if weights is not None:
        begins = np.flatnonzero((np.diff(item_codes, prepend=-1) != 0) | (np.diff(labeler_codes, prepend=-1) != 0))
        numbers = np.add.reduceat(numbers * weights, begins)
        item_codes, labeler_codes = item_codes[begins], labeler_codes[begins]
    return NumberTable(item_names, labeler_names, item_codes, labeler_codes, numbers)


def gold_numbers(
    table_items: Sequence[str], gold_items: Sequence[str], gold_values: Sequence[float], *, field: str = "gold[{row}]"
) -> Floats:
    """The known value of every item of a table, NaN where there is none.

    Raises:
        NotANumber: A value is not finite, or beyond LARGEST.
        DuplicateGold: An item has two rows.
    """
    _require_numbers(np.asarray(gold_values, np.float64), field + ".number")
    gold: dict[str, float] = {}
    for row, (item, value) in enumerate(zip(gold_items, gold_values, strict=True)):
        if item in gold:
            raise DuplicateGold(field.format(row=row) + ".item")
        gold[item] = value
    return np.array([gold.get(item, np.nan) for item in table_items], np.float64)


def _require_numbers(numbers: Floats, field: str) -> None:
    with np.errstate(invalid="ignore"):
        wrong = np.flatnonzero(~(np.abs(numbers) <= LARGEST))
    if len(wrong):
        raise NotANumber(field.format(row=wrong[0]))
