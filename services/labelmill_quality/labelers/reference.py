"""What every label is compared with: gold where there is any, else what the others say about the item. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from labelmill_quality.aggregation.consensus import Consensus
from labelmill_quality.agreement.contingency import ContingencyTables, contingency_tables
from labelmill_quality.labels import NO_GOLD, Codes, LabelTable

Floats = npt.NDArray[np.float64]

NO_REFERENCE = -1


@dataclass(frozen=True)
class References:
    """A class for every label of a table that does not come from the label itself."""

    table: LabelTable
    codes: Codes
    """(labels); NO_REFERENCE where the item has no gold, and no other label or the others are tied."""
    of_gold: npt.NDArray[np.bool_]
    """(labels): the reference is gold."""

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """(labels): there is a reference."""
        has: npt.NDArray[np.bool_] = self.codes != NO_REFERENCE
        return has

    @cached_property
    def right(self) -> npt.NDArray[np.bool_]:
        """(labels): the label is its reference."""
        same: npt.NDArray[np.bool_] = self.codes == self.table.class_codes
        return same

    @cached_property
    def tables(self) -> ContingencyTables:
        """One table for each labeler with a compared label; the first answer is the reference, the second their own."""
        known, table = self.known, self.table
        return contingency_tables(
            table.labeler_codes[known], self.codes[known], table.class_codes[known], len(table.classes)
        )

    @cached_property
    def counts(self) -> Floats:
        """(labelers, reference classes, classes said)."""
        size, tables = len(self.table.classes), self.tables
        cells = (tables.keys[tables.table_of_cell] * size + tables.first_said) * size + tables.second_said
        shape = (len(self.table.labelers), size, size)
        return np.bincount(cells, tables.counts, minlength=shape[0] * size * size).reshape(shape).astype(np.float64)


def references(table: LabelTable, consensus: Consensus, gold: Codes | None) -> References:
    """The references of a table's labels.

    Args:
        table: The labels.
        consensus: About the table's items; each label is compared with the consensus of the others.
        gold: The known class of every item, NO_GOLD where there is none.
    """
    others = consensus.others()
    several = (table.labels_per_item[table.item_codes] >= 2) & ~others.tied
    codes = np.where(several, others.winners, NO_REFERENCE).astype(np.int32)
    of_gold = np.zeros(len(table), bool)
    if gold is not None:
        truth = gold[table.item_codes]
        of_gold = truth != NO_GOLD
        codes = np.where(of_gold, truth, codes).astype(np.int32)
    return References(table, codes, of_gold)
