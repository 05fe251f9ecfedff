"""Numbers: from several labelers' answers about an item to one, with its interval; one method a file.

A method is `fit(table, gold) -> NumericConsensus`; `METHODS` lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from labelmill_quality.numeric import huber, labeler_model, mean, median, trimmed_mean, weighted_mean
from labelmill_quality.numeric.consensus import NumericConsensus
from labelmill_quality.numeric.table import Floats, NumberTable

Fit = Callable[[NumberTable, Floats | None], NumericConsensus]

METHODS: Mapping[str, Fit] = MappingProxyType(
    {
        mean.NAME: mean.fit,
        weighted_mean.NAME: weighted_mean.fit,
        median.NAME: median.fit,
        trimmed_mean.NAME: trimmed_mean.fit,
        huber.NAME: huber.fit,
        labeler_model.NAME: labeler_model.fit,
    }
)
DEFAULT = labeler_model.NAME


def aggregate_numbers(table: NumberTable, method: str = DEFAULT, gold: Floats | None = None) -> NumericConsensus:
    """The consensus of a table by the method of that name."""
    return METHODS[method](table, gold)
