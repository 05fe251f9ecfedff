"""Multiple choice: which classes an item has, from labelers who each named a set of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
import numpy.typing as npt

from labelmill_quality.aggregation import ibcc
from labelmill_quality.aggregation.calibration import Calibration, calibrate, default
from labelmill_quality.aggregation.confusion_counts import Counts, split
from labelmill_quality.aggregation.consensus import Floats
from labelmill_quality.labels import NO_GOLD, Codes, LabelTable

NAME = "shared_reliability"
VERSION = "1"
Members = npt.NDArray[np.bool_]
_ANSWERS = ("absent", "present")


@dataclass(frozen=True)
class SetTable:
    """One row per (item, labeler), ordered by item, then labeler, without repeats."""

    items: Sequence[str]
    labelers: Sequence[str]
    classes: tuple[str, ...]
    item_codes: Codes
    labeler_codes: Codes
    members: Members
    """(rows, classes): what was named."""

    def about(self, place: int) -> LabelTable:
        """Whether each labeler named the class at that place."""
        said = self.members[:, place].astype(np.int32)
        return LabelTable(self.items, self.labelers, _ANSWERS, self.item_codes, self.labeler_codes, said)


@dataclass(frozen=True)
class SetConsensus:
    """Which classes each item has."""

    probabilities: Floats
    """(items, classes): that the item has the class; each for itself, they sum to anything."""
    sensitivity: Floats
    """(labelers): the probability of naming a class that is there."""
    specificity: Floats
    """(labelers): the probability of not naming a class that is not there."""
    prevalence: Floats
    """(classes): the share of items that have it."""
    iterations: int
    converged: bool
    calibration: Calibration
    method: str = NAME
    version: str = VERSION

    @property
    def members(self) -> Members:
        """(items, classes): what is likelier there than not."""
        there: Members = self.probabilities > 0.5
        return there


def aggregate_sets(table: SetTable, anchors: Codes | None = None) -> SetConsensus:
    """The classes of every item, by a model in which a labeler is as careful about one class as about another.

    Every pair of an item and a class is a question with two answers. Labeler l names a class that is there with
    probability s_l and one that is not with 1 - t_l, whichever class it is; class c is there in a share p_c of the
    items. So rare classes, of which nobody has seen enough to be judged by, are judged by what labelers do with the
    common ones. Classes of one item are independent given these: no pair of classes excludes or implies another.

    (s, t) are inferred as in `ibcc`, with a prior that all labelers share and that is learned; p_c has one pseudo-item.
    Probabilities are calibrated as IBCC's are, on all pairs whose item has gold.

    Args:
        table: The answers.
        anchors: (items, classes): 1 where the class is known to be there, 0 where it is known not to be, NO_GOLD else.
    """
    fitted = _fit(table, anchors)
    labels = np.bincount(table.item_codes, minlength=len(table.items)).astype(np.float64)
    if anchors is None:
        return _calibrated(fitted, default(ibcc.NAME), labels)
    known = (anchors != NO_GOLD) & (labels > 0)[:, None]
    blind = _fit(table, None).probabilities[known]
    both = np.stack([1 - blind, blind], axis=1)
    counts = np.broadcast_to(labels[:, None], known.shape)[known]
    calibrated = _calibrated(fitted, calibrate(ibcc.NAME, both, counts, anchors[known]), labels)
    return replace(calibrated, probabilities=np.where(anchors != NO_GOLD, anchors, calibrated.probabilities))


def _fit(table: SetTable, anchors: Codes | None) -> SetConsensus:
    options, labelers = ibcc.Options(), len(table.labelers)
    parts = [
        split(table.about(place), None if anchors is None else anchors[:, place]) for place in range(len(table.classes))
    ]
    counted = [each.votes() for each in parts]
    total = reduce(Counts.__add__, counted)
    pseudo = options.spread / 2 + options.diagonal * np.eye(2)
    enough, reached = options.tolerance * max(1, total.labels), -np.inf
    iteration, converged = 0, False
    while not converged and iteration < options.max_iterations:
        iteration += 1
        belief = ibcc.believe(total, pseudo, labelers, options)
        pseudo, priors = belief.next_pseudo, [_prior(each.shares) for each in counted]
        counted = [each.round(prior, belief.confusion) for each, prior in zip(parts, priors, strict=True)]
        total = reduce(Counts.__add__, counted)
        converged = abs(total.likelihood - reached) < enough
        reached = total.likelihood
    there = [each.posteriors(prior, belief.confusion)[:, 1] for each, prior in zip(parts, priors, strict=True)]
    shares = belief.confusion.reshape(labelers, 2, 2)
    shares = shares / shares.sum(axis=1, keepdims=True)
    return SetConsensus(
        np.stack(there, axis=1), shares[:, 1, 1], shares[:, 0, 0], np.array([prior[1] for prior in priors]),
        iteration, converged, default(ibcc.NAME),
    )  # fmt: skip


def _prior(shares: Floats) -> Floats:
    prior: Floats = (shares + 0.5) / (shares.sum() + 1)
    return prior


def _calibrated(fitted: SetConsensus, calibration: Calibration, labels: Floats) -> SetConsensus:
    columns = [
        calibration.apply(np.stack([1 - column, column], axis=1), labels)[:, 1] for column in fitted.probabilities.T
    ]
    return replace(fitted, probabilities=np.stack(columns, axis=1), calibration=calibration)
