"""Who wrote what about which item, as columns. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from labelmill_quality.encoding import encode
from labelmill_quality.errors import RepeatsNotWeighed, TextsTooLong
from labelmill_quality.repeats import Repeats, choose
from labelmill_quality.text_answers.units import Comparison, Units

Codes = npt.NDArray[np.int32]
Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MOST_UNITS = 2_000
"""Of one text."""
MOST_CELLS = 1_000_000_000
"""Units of a text times units of another, over all pairs of answers about the same item."""


@dataclass(frozen=True)
class TextTable:
    """One row per (item, labeler), ordered by item, then labeler; codes point into the vocabularies."""

    items: Sequence[str]
    labelers: Sequence[str]
    item_codes: Codes
    labeler_codes: Codes
    texts: tuple[str, ...]
    """As they were written."""
    units: tuple[Units, ...]
    """The same, as they are compared."""
    comparison: Comparison

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def starts(self) -> Counts:
        """Where each item's rows start, and where the last one's end; length items + 1."""
        return np.concatenate([[0], np.cumsum(np.bincount(self.item_codes, minlength=len(self.items)))])

    def rows_of(self, item: int) -> range:
        """The rows of an item."""
        return range(int(self.starts[item]), int(self.starts[item + 1]))


def make_text_table(
    items: Sequence[str],
    labelers: Sequence[str],
    texts: Sequence[str],
    *,
    comparison: Comparison | None = None,
    repeats: Repeats = Repeats.LAST,
) -> TextTable:
    """Encodes rows; the three sequences are equally long.

    Raises:
        RepeatsNotWeighed: Texts of one labeler cannot be mixed.
        TextsTooLong: A text has more units than can be aligned, or all texts together have.
    """
    if repeats is Repeats.ALL:
        raise RepeatsNotWeighed("text")
    comparison = comparison or Comparison()
    item_names, item_codes = encode(items)
    labeler_names, labeler_codes = encode(labelers)
    keep, _ = choose(item_codes, labeler_codes, encode(texts)[1], len(labeler_names), repeats)
    kept = tuple(texts[row] for row in keep.tolist())
    units = tuple(comparison.split(text) for text in kept)
    table = TextTable(item_names, labeler_names, item_codes[keep], labeler_codes[keep], kept, units, comparison)
    _require_room(table)
    return table


def _require_room(table: TextTable) -> None:
    """Aligning two texts takes time and memory like the product of their lengths; each meets all others of its item."""
    lengths = np.array([len(each.compared) for each in table.units], np.int64)
    longest = int(lengths.max(initial=0))
    if longest > MOST_UNITS:
        raise TextsTooLong(units=longest, limit=MOST_UNITS)
    counts = np.diff(table.starts)
    longest_of_items = np.maximum.reduceat(lengths, table.starts[:-1])
    cells = int((counts * (counts - 1) * longest_of_items**2).sum())
    if cells > MOST_CELLS:
        raise TextsTooLong(units=cells, limit=MOST_CELLS)
