"""All pairs of labelers at once: what two of them said about the items that both answered. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.agreement.contingency import ContingencyTables, contingency_tables
from labelmill_quality.labels import LabelTable

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PairRows:
    """Pairs of labels about one item, as numbers of a table's rows; the second row is the later one."""

    first: Counts
    second: Counts


def pair_rows(table: LabelTable) -> PairRows:
    """Every pair of labels that an item has."""
    place = np.arange(len(table)) - table.offsets[table.item_codes]
    left = table.labels_per_item[table.item_codes] - place - 1  # labels of the same item that follow
    first = np.repeat(np.arange(len(table)), left)
    steps = np.arange(len(first)) - np.repeat(np.cumsum(left) - left, left) + 1
    return PairRows(first, first + steps)


def pair_count(table: LabelTable) -> int:
    """How many rows `pair_rows` has."""
    sizes = table.labels_per_item.astype(np.int64)
    return int((sizes * (sizes - 1) // 2).sum())


def pair_keys(table: LabelTable, rows: PairRows) -> Counts:
    """A number for the two labelers of each pair of labels; the first has the smaller code, as the rows are ordered."""
    return table.labeler_codes[rows.first].astype(np.int64) * len(table.labelers) + table.labeler_codes[rows.second]


def labelers_of(keys: Counts, table: LabelTable) -> tuple[Counts, Counts]:
    """The codes of the two labelers of each key."""
    return keys // max(len(table.labelers), 1), keys % max(len(table.labelers), 1)


def pair_tables(table: LabelTable) -> ContingencyTables:
    """Compares every two labelers with a shared item."""
    rows = pair_rows(table)
    said = table.class_codes
    return contingency_tables(pair_keys(table, rows), said[rows.first], said[rows.second], len(table.classes))
