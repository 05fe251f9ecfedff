"""Who said what about which item, as columns of numbers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import numpy as np
import numpy.typing as npt
from scipy import sparse

from labelmill_quality.encoding import ArrowNames, encode, look_up
from labelmill_quality.errors import DuplicateGold, UnknownClass
from labelmill_quality.repeats import Repeats, choose

if TYPE_CHECKING:
    import pyarrow as pa

Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
NO_GOLD = -1
Column: TypeAlias = Union[Sequence[str], "pa.ChunkedArray[Any]"]
"""Text, a value a row; no nulls."""


@dataclass(frozen=True)
class LabelTable:
    """One row per (item, labeler), ordered by item, then labeler; codes point into the vocabularies.

    Only Repeats.ALL leaves several rows of one pair, and `weights` with them.
    """

    items: Sequence[str]
    labelers: Sequence[str]
    classes: tuple[str, ...]
    item_codes: Codes
    labeler_codes: Codes
    class_codes: Codes
    weights: Floats | None = None
    """How much of each label counts, where not all count fully."""

    def __len__(self) -> int:
        return len(self.class_codes)

    def only(self, rows: npt.NDArray[np.bool_]) -> LabelTable:
        """Some of the labels; items, labelers and classes stay, so that codes keep their meaning."""
        weights = None if self.weights is None else self.weights[rows]
        codes = self.item_codes[rows], self.labeler_codes[rows], self.class_codes[rows]
        return LabelTable(self.items, self.labelers, self.classes, *codes, weights)

    def about(self, items: npt.NDArray[np.bool_]) -> LabelTable:
        """The labels of some of the items, which are numbered anew in the same order."""
        some, codes = self.only(items[self.item_codes]), np.cumsum(items, dtype=np.int32) - 1
        names = [self.items[place] for place in np.flatnonzero(items).tolist()]
        return replace(some, items=names, item_codes=codes[some.item_codes].astype(np.int32))

    @property
    def answer_count(self) -> int:
        """Pairs of a labeler and an item."""
        return len(self) if self.weights is None else round(float(self.weights.sum()))

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
        """(items, classes): how many labelers said what; with weights, their sum."""
        size = (len(self.items), len(self.classes))
        cells = self.item_codes.astype(np.int64) * size[1] + self.class_codes
        return np.bincount(cells, self.weights, minlength=size[0] * size[1]).reshape(size).astype(np.float64)

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
    items: Column,
    labelers: Column,
    classes: Column,
    *,
    class_names: Sequence[str] | None = None,
    labeler_names: Iterable[str] | None = None,
    repeats: Repeats = Repeats.LAST,
    field: str = "labels[{row}].class_name",
) -> LabelTable:
    """Encodes rows; the three columns are equally long.

    Args:
        items: The item of each row.
        labelers: The labeler of each row.
        classes: The answer of each row.
        class_names: The classes in order; None: those that occur, ordered by name.
        labeler_names: Labelers that take part even without a row.
        repeats: What counts where a labeler answered an item several times.
        field: Names the offending row in errors.

    Raises:
        UnknownClass: A row's class is not in class_names.
    """
    item_names, item_codes = encode(items)
    known, labeler_codes = encode(labelers)
    if labeler_names is not None:
        everyone = sorted({*known, *labeler_names})
        known, labeler_codes = everyone, look_up(known, everyone)[labeler_codes]
    vocabulary, class_codes = encode(classes)
    if class_names is not None:
        vocabulary, class_codes = class_names, look_up(vocabulary, class_names)[class_codes]
    unknown = np.flatnonzero(class_codes < 0)
    if len(unknown):
        raise UnknownClass(field.format(row=unknown[0]))
    keep, weights = choose(item_codes, labeler_codes, class_codes, len(known), repeats)
    return LabelTable(
        _names(item_names),
        _names(known),
        tuple(vocabulary),
        item_codes[keep],
        labeler_codes[keep],
        class_codes[keep],
        weights,
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
    classes = look_up(gold_classes, class_names)
    unknown = np.flatnonzero(classes < 0)
    if len(unknown):
        raise UnknownClass(field.format(row=unknown[0], column="class_name"))
    gold: dict[str, int] = {}
    for row, item in enumerate(gold_items):
        if item in gold:
            raise DuplicateGold(field.format(row=row, column="item"))
        gold[item] = int(classes[row])
    return np.array([gold.get(item, NO_GOLD) for item in table_items], np.int32)


def _names(names: Sequence[str]) -> Sequence[str]:
    return names if isinstance(names, ArrowNames) else tuple(names)
