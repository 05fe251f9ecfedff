"""Consensus by aggregation: one method a file; `METHODS` lists them.

A method is `fit(table, anchors) -> Model`; a model says with `apply(table)` what it makes of any table of the same
labelers and classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from labelmill_quality.aggregation import dawid_skene, majority_vote
from labelmill_quality.aggregation.consensus import Consensus
from labelmill_quality.labels import Codes, LabelTable


class Model(Protocol):
    """What a method has learned about labelers."""

    def apply(self, table: LabelTable) -> Consensus:
        """The consensus about every item of a table of the same labelers and classes."""


Fit = Callable[[LabelTable, Codes | None], Model]

METHODS: Mapping[str, Fit] = MappingProxyType(
    {
        majority_vote.NAME: majority_vote.fit,
        dawid_skene.NAME: dawid_skene.fit,
    }
)
DEFAULT = dawid_skene.NAME


def aggregate(table: LabelTable, method: str = DEFAULT, anchors: Codes | None = None) -> Consensus:
    """The consensus of a table by the method of that name."""
    return METHODS[method](table, anchors).apply(table)
