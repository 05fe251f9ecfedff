"""Free text: from several labelers' answers about an item to one; one method a file.

A method is `fit(table, pairs) -> TextConsensus`; `METHODS` lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from labelmill_quality.text_answers import medoid, rover
from labelmill_quality.text_answers.consensus import TextConsensus
from labelmill_quality.text_answers.similarity import Pairs
from labelmill_quality.text_answers.table import TextTable

Fit = Callable[[TextTable, Pairs], TextConsensus]

METHODS: Mapping[str, Fit] = MappingProxyType({medoid.NAME: medoid.fit, rover.NAME: rover.fit})
DEFAULT = rover.NAME


def aggregate_texts(table: TextTable, method: str = DEFAULT) -> TextConsensus:
    """The consensus of a table by the method of that name."""
    return METHODS[method](table, Pairs.of(table))
