"""GLAD: labelers have a skill, items a difficulty. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from labelmill_quality.aggregation.consensus import Consensus
from labelmill_quality.aggregation.leave_one_out import ByApplying
from labelmill_quality.labels import Codes, LabelTable

Floats = npt.NDArray[np.float64]

NAME = "glad"
VERSION = "1"
_NO_CODES = np.empty(0, np.int32)
_NO_WEIGHTS = np.empty(0)


@dataclass(frozen=True)
class Options:
    """How EM is run; the priors are the paper's."""

    mean_skill: float = 1.0
    """Mean of the normal prior of skill; right with probability 0.73 on an item of mean difficulty."""
    skill_variance: float = 1.0
    """Its variance."""
    ease_variance: float = 1.0
    """Variance of the normal prior of the logarithm of ease, around 0."""
    max_iterations: int = 100
    """Rounds of EM at most."""
    tolerance: float = 1e-6
    """EM has converged when a round gains less per label than this."""


_DEFAULT = Options()


@dataclass(frozen=True)
class Glad:
    """What EM learned of the labelers; how easy an item is, is inferred from its labels whenever it is judged."""

    skill: Floats
    """(labelers)"""
    iterations: int
    converged: bool
    options: Options

    def apply(self, table: LabelTable) -> Consensus:
        """The posterior of every item of a table with the same labelers and classes; see Model."""
        posterior = self._judged(table).posterior
        return Consensus(posterior, ByApplying(self, table), NAME, VERSION, self.iterations, self.converged)

    def log_ease(self, table: LabelTable) -> Floats:
        """(items): how easy each is, as a logarithm; 0 is average."""
        outcome: Floats = np.log(self._judged(table).ease)
        return outcome

    def _judged(self, table: LabelTable) -> _Climb:
        average = float(self.skill.mean()) if len(self.skill) else self.options.mean_skill
        new = len(table.labelers) - len(self.skill)
        climb = _Climb(table, None, np.concatenate([self.skill, np.full(new, average)]), self.options)
        climb.to_the_top(move_skill=False)
        return climb


def fit(table: LabelTable, anchors: Codes | None = None, options: Options = _DEFAULT) -> Glad:
    """Fits the generative model of labels, abilities and difficulties.

    Labeler l is right about item i with probability sigma(a_l b_i), and else says one of the C - 1 other classes, each
    as likely as the others. All classes are equally common: with a learned share, one class takes all where items are
    hard. EM alternates between the posterior of the classes,

        log q(y_i = c) = const + sum over the labels (l, k) of i of [c = k] (a_l b_i + log(C - 1))

    and a Newton step each for all log b_i and all a_l on the expected log-likelihood plus their log-priors, with the
    expected information for the curvature, which is positive everywhere (the paper climbs by the gradient).
    (J. Whitehill, P. Ruvolo, T. Wu, J. Bergsma and J. Movellan, Whose Vote Should Count More, NIPS 2009; the form for
    many classes is theirs, section 2.3.)

    Args:
        table: The labels.
        anchors: The known class of every item, NO_GOLD where there is none.
        options: How.
    """
    climb = _Climb(table, anchors, np.full(len(table.labelers), options.mean_skill), options)
    iterations, converged = climb.to_the_top(move_skill=True)
    return Glad(climb.skill, iterations, converged, options)


class _Climb:
    """EM on one table."""

    def __init__(self, table: LabelTable, anchors: Codes | None, skill: Floats, options: Options) -> None:
        self._table, self._options = table, options
        self._anchors = _NO_CODES if anchors is None else anchors
        self.skill = skill
        self.ease = np.ones(len(table.items))
        self.posterior = np.empty((len(table.items), len(table.classes)))

    @cached_property
    def _labels(self) -> tuple[npt.NDArray[np.int64], Codes, Codes, Floats]:
        table = self._table
        weights = _NO_WEIGHTS if table.weights is None else table.weights
        return table.offsets, table.labeler_codes, table.class_codes, weights

    def to_the_top(self, *, move_skill: bool) -> tuple[int, bool]:
        """The rounds it took, and whether it got there."""
        from labelmill_quality.aggregation import glad_loops as loops

        options, labels = self._options, self._labels
        enough, reached = options.tolerance * max(1, len(self._table)), -np.inf
        for iteration in range(1, options.max_iterations + 1):
            gained = loops.judge(*labels, self._anchors, self.skill, self.ease, self.posterior)
            gained += loops.move_ease(*labels, self.skill, self.ease, self.posterior, options.ease_variance)
            if move_skill:
                gained += loops.move_skill(
                    *labels, self.skill, self.ease, self.posterior, options.mean_skill, options.skill_variance
                )
            if gained - reached < enough:
                return iteration, True
            reached = gained
        return options.max_iterations, False
