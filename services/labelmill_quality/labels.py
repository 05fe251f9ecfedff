"""Who said what about which item, as columns of numbers. Pure.

Policy for repeated answers: where one labeler answered one item several times, the last row counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import sparse

from labelmill_quality.errors import DuplicateGold, UnknownClass

Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
NO_GOLD = -1


@dataclass(frozen=True)
class LabelTable:
    """One row per (item, labeler), ordered by item, then labeler; codes point into the vocabularies."""

    items: Sequence[str]
    labelers: Sequence[str]
    classes: tuple[str, ...]
    item_codes: Codes
    labeler_codes: Codes
    class_codes: Codes
    weights: Floats | None = None
    """How much of each label counts, where not all of it does: see Repeats.ALL."""

    def __len__(self) -> int:
        return len(self.class_codes)

    @cached_property
    def labels_per_item(self) -> npt.NDArray[np.int64]:
        """How many labels each item has."""
        return np.bincount(self.item_codes, minlength=len(self.items))

    @cached_property
    def offsets(self) -> npt.NDArray[np.int64]:
        """(items + 1): where the labels of each item begin, and the end of the last: the rows are ordered by item."""
        return np.concatenate([[0], np.cumsum(self.labels_per_item)])

    @cached_property
    def cells(self) -> Codes:
        """(labels): labeler x classes + class said."""
        return self.labeler_codes * np.int32(len(self.classes)) + self.class_codes

    @cached_property
    def votes(self) -> Floats:
        """(items, classes): how many labelers said what."""
        size = (len(self.items), len(self.classes))
        cells = self.item_codes.astype(np.int64) * size[1] + self.class_codes
        return np.bincount(cells, minlength=size[0] * size[1]).reshape(size).astype(np.float64)

    @cached_property
    def sparse_votes(self) -> sparse.csr_matrix:
        """The same without the zeros, for many classes."""
        shape = (len(self.items), len(self.classes))
        return sparse.csr_matrix((np.ones(len(self)), (self.item_codes, self.class_codes)), shape=shape)

    @cached_property
    def design(self) -> sparse.csr_matrix:
        """(items, labelers x classes said), a one for each label; sums over labels are products with it."""
        columns = self.labeler_codes.astype(np.int64) * len(self.classes) + self.class_codes
        shape = (len(self.items), len(self.labelers) * len(self.classes))
        return sparse.csr_matrix((np.ones(len(self)), columns, self.offsets), shape=shape)


def make_table(
    items: Sequence[str],
    labelers: Sequence[str],
    classes: Sequence[str],
    *,
    class_names: Sequence[str] | None = None,
    labeler_names: Iterable[str] | None = None,
    field: str = "labels[{row}].class_name",
) -> LabelTable:
    """Encodes rows; the three sequences are equally long.

    Args:
        items: The item of each row.
        labelers: The labeler of each row.
        classes: The answer of each row.
        class_names: The classes in order; None: those that occur, ordered by name.
        labeler_names: Labelers that take part even without a row.
        field: Names the offending row in errors.

    Raises:
        UnknownClass: A row's class is not in class_names.
    """
    item_names, item_codes = _encode(items)
    known = sorted({*labelers, *(labeler_names or ())})
    labeler_codes = _look_up(labelers, known)
    vocabulary = list(class_names) if class_names is not None else sorted(set(classes))
    class_codes = _look_up(classes, vocabulary)
    unknown = np.flatnonzero(class_codes < 0)
    if len(unknown):
        raise UnknownClass(field.format(row=unknown[0]))
    keep = _last_answers(item_codes, labeler_codes, len(known))
    return LabelTable(
        tuple(item_names), tuple(known), tuple(vocabulary), item_codes[keep], labeler_codes[keep], class_codes[keep]
    )


def gold_codes(
    table_items: Sequence[str],
    gold_items: Sequence[str],
    gold_classes: Sequence[str],
    class_names: Sequence[str],
    *,
    field: str = "gold[{row}].{column}",
) -> Codes:
    """The gold class of every item of a table, NO_GOLD where there is none.

    Raises:
        UnknownClass: A gold class is not in class_names.
        DuplicateGold: An item has two rows.
    """
    classes = _look_up(gold_classes, class_names)
    unknown = np.flatnonzero(classes < 0)
    if len(unknown):
        raise UnknownClass(field.format(row=unknown[0], column="class_name"))
    gold: dict[str, int] = {}
    for row, item in enumerate(gold_items):
        if item in gold:
            raise DuplicateGold(field.format(row=row, column="item"))
        gold[item] = int(classes[row])
    return np.array([gold.get(item, NO_GOLD) for item in table_items], np.int32)


def _encode(values: Sequence[str]) -> tuple[list[str], Codes]:
    names = sorted(set(values))
    return names, _look_up(values, names)


def _look_up(values: Sequence[str], names: Sequence[str]) -> Codes:
    # A bound __getitem__ under map stays in C, row after row; __missing__ says -1 for what is not there.
    numbers = _Numbers((name, code) for code, name in enumerate(names))
    return np.array(list(map(numbers.__getitem__, values)), np.int32)


class _Numbers(dict[str, int]):
    def __missing__(self, key: str) -> int:
        return -1


def _last_answers(item_codes: Codes, labeler_codes: Codes, labeler_count: int) -> npt.NDArray[np.intp]:
    keys = item_codes.astype(np.int64) * labeler_count + labeler_codes
    # np.unique keeps the first of equals, so look at the rows backwards.
    _, first = np.unique(keys[::-1], return_index=True)
    last: npt.NDArray[np.intp] = len(keys) - 1 - first
    return last
