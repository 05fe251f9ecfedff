"""What every way of aggregating texts returns. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labelmill_quality.text_answers.similarity import Reliabilities, similarity
from labelmill_quality.text_answers.table import Floats, TextTable
from labelmill_quality.text_answers.units import Units


@dataclass(frozen=True)
class TextConsensus:
    """One text an item."""

    texts: tuple[str, ...]
    similarity: Floats
    """(items): mean similarity of the answers to it, weighted by their labelers."""
    reliabilities: Reliabilities
    method: str
    version: str

    @classmethod
    def of(
        cls,
        table: TextTable,
        units: list[Units],
        texts: list[str],
        reliabilities: Reliabilities,
        method: str,
        version: str,
    ) -> TextConsensus:
        """The consensus, and how alike the answers are to it."""
        alike = np.array(
            [similarity(table.units[row], units[item]) for row, item in enumerate(table.item_codes.tolist())]
        )
        weights = reliabilities.weights[table.labeler_codes]
        items = len(table.items)
        means = np.bincount(table.item_codes, weights * alike, items) / np.bincount(table.item_codes, weights, items)
        return cls(tuple(texts), means, reliabilities, method, version)
