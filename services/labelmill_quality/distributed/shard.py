"""Some items with all their labels, on whatever machine this runs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from labelmill_quality.aggregation.confusion_counts import Counts, Threads, split
from labelmill_quality.aggregation.consensus import Consensus, ConsensusLabels, Others
from labelmill_quality.labels import Floats, LabelTable, gold_codes, make_table

PARQUET = "application/vnd.apache.parquet"
_NO_LIMIT = 10**12


class Shard:
    """Labels of a Parquet file with columns item, labeler, class_name; no other shard has labels of its items.

    Args:
        path: The file, as the machine that holds the shard sees it.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._columns: Any = None
        self._table: LabelTable | None = None
        self._parts = Threads([])

    def names(self) -> tuple[list[str], list[str]]:
        """The labelers and the classes that occur."""
        from labelmill_quality.encoding import encode
        from labelmill_quality.intake.tables import ColumnNames, read_table

        self._columns = read_table(self._path, PARQUET, ColumnNames(), _NO_LIMIT).columns()
        return list(encode(self._columns[1])[0]), list(encode(self._columns[2])[0])

    def number(
        self, labelers: Sequence[str], classes: Sequence[str], gold: Mapping[str, str], least: int
    ) -> tuple[int, int]:
        """Encodes the labels with the names of all shards; how many labels and items there are.

        Args:
            labelers: All, ordered by name.
            classes: All, in order.
            gold: Item -> its known class, of any shard's items.
            least: Items with fewer labels take no part in the fit.
        """
        table = make_table(*self._columns, class_names=classes, labeler_names=labelers)
        anchors = gold_codes(table.items, list(gold), list(gold.values()), classes) if gold else None
        self._columns, self._table, self._parts = None, table, split(table, anchors, least=least)
        return len(table), len(table.items)

    def votes(self) -> Counts:
        """See Parts."""
        return self._parts.votes()

    def round(self, prior: Floats, confusion: Floats) -> Counts:
        """See Parts."""
        return self._parts.round(prior, confusion)

    def write(self, prior: Floats, confusion: Floats, folder: str) -> str:
        """Writes the consensus labels of the items to a Parquet file called as the shard's; its path."""
        from labelmill_quality.intake.results import write_parquet

        assert self._table is not None, "number() comes first"
        consensus = Consensus(self._parts.posteriors(prior, confusion), _nobody, "dawid_skene", "")
        path = Path(folder) / self._path.name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_parquet(path, ConsensusLabels.of(self._table, consensus), self._table.classes)
        return str(path)


def _nobody() -> Others:
    """Leave-one-out is not asked for here."""
    return Others(np.empty(0, np.int32), np.empty(0, np.bool_))
