"""Consensus by aggregation: one method a file; `METHODS` lists them.

A method is `fit(table, anchors) -> Model`; a model says with `apply(table)` what it makes of any table of the same
labelers and classes. To add one: its file with NAME, VERSION and `fit`, a line in `METHODS`, a value of the contract's
ConsensusMethod that is called the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Protocol

import numpy as np

from labelmill_quality.aggregation import auto, calibration, ordinal
from labelmill_quality.aggregation.consensus import Consensus
from labelmill_quality.aggregation.leave_one_out import Anchored
from labelmill_quality.labels import NO_GOLD, Codes, LabelTable


class Model(Protocol):
    """What a method has learned about labelers."""

    def apply(self, table: LabelTable) -> Consensus:
        """The consensus about every item of a table of the same labelers and classes.

        Labelers that were not yet there when the model was fitted may follow after those that were: they are taken for
        average ones. Items that had anchors are judged by their labels, like any other.
        """


Fit = Callable[[LabelTable, Codes | None], Model]
"""Learns about labelers from a table; `anchors` is the known class of every item, NO_GOLD where there is none."""

METHODS: Mapping[str, Fit] = MappingProxyType({auto.NAME: auto.fit, **auto.CANDIDATES, ordinal.NAME: ordinal.fit})
DEFAULT = auto.NAME


def fit_of(method: str, *, ordered: bool = False) -> Fit:
    """How the method of that name learns; with `ordered`, `auto` knows that the classes are in their order."""
    return partial(auto.fit, options=auto.Options(ordered=True)) if ordered and method == auto.NAME else METHODS[method]


def aggregate(table: LabelTable, method: str = DEFAULT, anchors: Codes | None = None) -> Consensus:
    """The consensus of a table by the method of that name; anchored items get their known class."""
    consensus = METHODS[method](table, anchors).apply(table)
    return consensus if anchors is None else anchored(table, consensus, anchors)


def aggregate_calibrated(
    table: LabelTable, method: str = DEFAULT, anchors: Codes | None = None, *, ordered: bool = False
) -> Consensus:
    """The same with probabilities for posteriors: calibrated on the gold, without gold as is usual for the method.

    Gold calibrates what the method says without knowing it; then it is learned from, and kept. With `ordered`, the
    classes are in their order: the winners err by the fewest ranks, and `auto` knows of it.
    """
    fit = fit_of(method, ordered=ordered)
    model = fit(table, anchors)
    consensus = model.apply(table)
    counts = np.bincount(table.item_codes, table.weights, len(table.items)).astype(np.float64)
    calibrated = calibration.default(method)
    if anchors is not None:
        known = np.flatnonzero((anchors != NO_GOLD) & (counts > 0))
        told_nothing = model.blind if isinstance(model, auto.Auto) else None
        if told_nothing is None:
            told_nothing = fit(table, None).apply(table).posterior[known]
        calibrated = calibration.calibrate(method, told_nothing, counts[known], anchors[known])
    probabilities = calibrated.apply(consensus.posterior, counts)
    consensus = replace(consensus, posterior=probabilities, calibration=calibrated, ordered=ordered)
    return consensus if anchors is None else anchored(table, consensus, anchors)


def anchored(table: LabelTable, consensus: Consensus, anchors: Codes) -> Consensus:
    """The consensus with the known class, for certain, wherever there is one."""
    known = np.flatnonzero(anchors != NO_GOLD)
    posterior = consensus.posterior.copy()
    posterior[known] = 0.0
    posterior[known, anchors[known]] = 1.0
    return replace(consensus, posterior=posterior, others=Anchored(table, anchors, consensus))
