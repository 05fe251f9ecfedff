"""Posteriors become probabilities: one number for each method, from gold or, without gold, from other sets. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import numpy as np

from labelmill_quality.aggregation import auto, calibration_measures, majority_vote, weighted_majority
from labelmill_quality.aggregation.consensus import Floats
from labelmill_quality.estimate import Estimate
from labelmill_quality.labels import Codes

LEAST_GOLD = 20
"""Gold answers from which on posteriors are called calibrated."""
DEFAULT_STRENGTHS: Mapping[str, float] = MappingProxyType(
    {
        "auto": 0.2,
        "majority_vote": 4.1,
        "weighted_majority": 3.8,
        "one_coin": 0.6,
        "dawid_skene": 0.43,
        "glad": 0.6,
        "mace": 0.45,
        "ibcc": 0.5,
        "ordinal": 0.5,
    }
)
"""Geometric means of what fits each of the ten public crowd sets: `python -m benchmarks.quality calibration`; that of
`ordinal` is IBCC's, of which it is a kind."""
_SPREAD = 0.8
"""Standard deviation of the logarithm of these, over the sets."""
_TINY = 1e-9
_FOLDS = 5
_GRID = np.exp(np.linspace(np.log(0.005), np.log(50), 200))


class Form(StrEnum):
    """How a posterior is changed."""

    CORRELATED_LABELS = "correlated_labels"
    """p_c to the power 1 / (1 + r (n - 1)) for an item of n labels: Kish's design effect as a temperature. Labelers err
    on the same items in the same way, so n labels tell less than the models believe, for which they are independent."""
    SOFTMAX_OF_SHARES = "softmax_of_shares"
    """exp(s p_c): for shares of votes, in which a class without a vote has no probability at all."""


def form_of(method: str) -> Form:
    """The form that fits what a method calls its posterior."""
    votes = method in (majority_vote.NAME, weighted_majority.NAME)
    return Form.SOFTMAX_OF_SHARES if votes else Form.CORRELATED_LABELS


@dataclass(frozen=True)
class Calibration:
    """What was done to a posterior, and how well it fits."""

    form: Form
    strength: float
    """r or s."""
    gold_count: int
    """Gold answers that took part."""
    error: Estimate
    """Expected calibration error on them, each calibrated by the others; undefined without any."""
    error_before: Estimate
    """The same of the posterior as the method made it."""
    error_by_chance: float | None
    """What perfect probabilities would show on as many items; None without gold."""

    @property
    def on_this_data(self) -> bool:
        """Else the strength is what fits other data, and nothing tells how well it fits these."""
        return self.gold_count >= LEAST_GOLD

    def apply(self, posterior: Floats, labels: Floats) -> Floats:
        """The probabilities (items, classes) of a posterior; `labels` (items) counts those of each item."""
        return _changed(posterior, labels, self.form, self.strength)


def default(method: str) -> Calibration:
    """For data without gold."""
    return _without_gold(form_of(method), _default_strength(method))


def calibrate(method: str, posterior: Floats, labels: Floats, gold: Codes) -> Calibration:
    """Learns the strength from gold.

    It minimises the log-loss on gold plus (log strength - log default)^2 / (2 * 0.8^2), a normal prior that says what
    is usual elsewhere: with no errors among few gold answers, nothing else would hold it. Measured leave-one-set-out on
    ten sets with 50 gold answers each, the expected calibration error falls from 0.10-0.18 to 0.05-0.06; Laplace's
    smoothing of vote shares, with as many parameters, only reaches 0.11.

    Args:
        method: That made the posterior.
        posterior: (gold answers, classes), by the method that was not told the gold.
        labels: (gold answers): how many labels each of their items has.
        gold: The right classes.
    """
    form, usual = form_of(method), _default_strength(method)
    if not len(gold):
        return _without_gold(form, usual)
    losses = np.stack([_losses(posterior, labels, gold, form, float(strength)) for strength in _GRID])
    penalty = (np.log(_GRID) - np.log(usual)) ** 2 / (2 * _SPREAD**2)
    crossed = posterior.copy()
    for fold in range(min(_FOLDS, len(gold))):
        inside = np.arange(len(gold)) % _FOLDS == fold
        best = float(_GRID[int((losses[:, ~inside].sum(axis=1) + penalty).argmin())])
        crossed[inside] = _changed(posterior[inside], labels[inside], form, best)
    return Calibration(
        form,
        float(_GRID[int((losses.sum(axis=1) + penalty).argmin())]),
        len(gold),
        calibration_measures.calibration_error(crossed, gold),
        calibration_measures.calibration_error(posterior, gold),
        calibration_measures.expected_by_chance(crossed),
    )


def fitted_strength(posterior: Floats, labels: Floats, gold: Codes, form: Form) -> float:
    """The strength with the least log-loss, no prior in it: what DEFAULT_STRENGTHS are means of."""
    return float(min(_GRID, key=lambda strength: _losses(posterior, labels, gold, form, float(strength)).sum()))


def _default_strength(method: str) -> float:
    return DEFAULT_STRENGTHS.get(method, DEFAULT_STRENGTHS[auto.NAME])


def _without_gold(form: Form, strength: float) -> Calibration:
    none = calibration_measures.calibration_error(np.empty((0, 1)), np.empty(0, np.int32))
    return Calibration(form, strength, 0, none, none, None)


def _losses(posterior: Floats, labels: Floats, gold: Codes, form: Form, strength: float) -> Floats:
    changed = _changed(posterior, labels, form, strength)
    losses: Floats = -np.log(np.maximum(changed[np.arange(len(gold)), gold], _TINY))
    return losses


def _changed(posterior: Floats, labels: Floats, form: Form, strength: float) -> Floats:
    if form is Form.SOFTMAX_OF_SHARES:
        scores = strength * posterior
    else:
        effect = 1 + strength * np.maximum(labels - 1, 0)
        scores = np.log(np.maximum(posterior, _TINY)) / effect[:, None]
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities: Floats = weights / weights.sum(axis=1, keepdims=True)
    return probabilities
