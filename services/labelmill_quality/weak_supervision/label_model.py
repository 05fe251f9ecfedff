"""From votes of labeling functions to probabilistic labels. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import numpy as np
import numpy.typing as npt

from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import proportion
from labelmill_quality.labels import NO_GOLD, Codes
from labelmill_quality.weak_supervision import class_conditional, one_accuracy
from labelmill_quality.weak_supervision.analysis import (
    FunctionAnalysis,
    Repetition,
    analyse,
    repetitions,
    weights_of,
)
from labelmill_quality.weak_supervision.calibration import LEAST_GOLD, temperature_of, tempered
from labelmill_quality.weak_supervision.fitting import Evidence, Judgement, Options
from labelmill_quality.weak_supervision.votes import Patterns, VoteMatrix

Floats = npt.NDArray[np.float64]

AUTO = "auto"
_NO_GOLD = "no item with gold has a vote"


class Fitted(Protocol):
    """A label model that was fitted."""

    def judge(self, patterns: Patterns, weights: Floats) -> Judgement:
        """The posterior of every pattern."""


Fit = Callable[[Evidence, Options], Fitted]

MODELS: Mapping[str, Fit] = MappingProxyType(
    {
        class_conditional.NAME: class_conditional.fit,
        one_accuracy.NAME: one_accuracy.fit,
    }
)


@dataclass(frozen=True)
class Supervision:
    """Probabilistic labels, and what is known of the functions that made them."""

    posterior: Floats
    """(items, classes); of an item without a vote, what silence says under that model, else the class balance."""
    method: str
    version: str
    reason: str
    """Why that label model."""
    iterations: int
    converged: bool
    balance: Floats
    """(classes): how frequent each class is: as given, or the mean of the posterior over items with votes."""
    functions: list[FunctionAnalysis]
    repetitions: list[Repetition]
    temperature: float | None
    """Of the calibration; None: the posterior is not calibrated."""
    accuracy: Estimate
    """Share of items with gold and votes that the label model gets right without having seen that gold."""


def supervise(
    matrix: VoteMatrix,
    *,
    model: str = AUTO,
    balance: Floats | None = None,
    gold: Codes | None = None,
    options: Options | None = None,
) -> Supervision:
    """Puts votes together.

    With gold the model is fitted twice: without it, to measure its accuracy and, from 20 items on, to calibrate; then
    with it, each such item keeping its class.

    Args:
        matrix: The votes; at least two classes.
        model: A name of MODELS, or "auto".
        balance: (classes): how frequent each class is; None: not known.
        gold: (items): the known classes, NO_GOLD elsewhere.
        options: How models are fitted.
    """
    options = options or Options()
    known = np.zeros(len(matrix.items), bool) if gold is None else (gold != NO_GOLD)
    pairs = repetitions(matrix)
    weights = weights_of(pairs, len(matrix.functions))
    evidence = Evidence(matrix.patterns, weights, balance)
    name, reason = _choose(matrix, model)
    judgement, unseen = _judged(matrix, MODELS[name], evidence, options)
    telling = known & matrix.covered
    temperature, posterior = None, unseen
    if gold is not None and known.any():
        shares = _anchor_shares(matrix, gold)
        with_gold = Evidence(matrix.patterns, weights, balance, shares)
        judgement, posterior = _judged(matrix, MODELS[name], with_gold, options)
        if int(telling.sum()) >= LEAST_GOLD:
            temperature = temperature_of(unseen[telling], gold[telling])
            posterior = tempered(posterior, temperature)
    if gold is not None:
        posterior[known] = np.eye(len(matrix.classes))[gold[known]]
    found = balance if balance is not None else _balance(posterior, matrix.covered)
    right = 0 if gold is None else int((unseen[telling].argmax(axis=1) == gold[telling]).sum())
    return Supervision(
        posterior,
        name,
        judgement.version,
        reason,
        judgement.iterations,
        judgement.converged,
        found,
        analyse(matrix, posterior, name, gold),
        pairs,
        temperature,
        proportion(right, int(telling.sum()), "label_model_accuracy_on_gold", _NO_GOLD),
    )


def _choose(matrix: VoteMatrix, model: str) -> tuple[str, str]:
    if model != AUTO:
        return model, "asked for"
    if matrix.unipolar.all():
        return one_accuracy.NAME, "every function votes for one class only"
    return class_conditional.NAME, "some functions vote for several classes"


def _judged(matrix: VoteMatrix, fit: Fit, evidence: Evidence, options: Options) -> tuple[Judgement, Floats]:
    judgement = fit(evidence, options).judge(evidence.patterns, evidence.weights)
    return judgement, judgement.posterior[matrix.patterns.pattern_of_item]


def _anchor_shares(matrix: VoteMatrix, gold: Codes) -> Floats:
    patterns, classes = matrix.patterns, len(matrix.classes)
    cells = patterns.pattern_of_item * (classes + 1) + np.where(gold == NO_GOLD, classes, gold)
    counts = np.bincount(cells, minlength=len(patterns.rows) * (classes + 1)).reshape(-1, classes + 1)
    return np.asarray(counts / patterns.counts[:, None], np.float64)


def _balance(posterior: Floats, covered: npt.NDArray[np.bool_]) -> Floats:
    if not covered.any():
        return np.full(posterior.shape[1], 1 / posterior.shape[1])
    return np.asarray(posterior[covered].mean(axis=0), np.float64)
