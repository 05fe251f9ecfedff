"""Dawid and Skene: the true classes and every labeler's confusion matrix, each inferred from the other. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.aggregation.confusion_counts import Counts, Parts, split
from labelmill_quality.aggregation.confusion_model import ConfusionModel
from labelmill_quality.aggregation.consensus import Consensus
from labelmill_quality.labels import Codes, LabelTable

Floats = npt.NDArray[np.float64]

NAME = "dawid_skene"
VERSION = "2"
_TINY = 1e-300


@dataclass(frozen=True)
class Options:
    """How EM is run.

    The pseudo-counts say: before any evidence, a labeler is better than chance. Their size was chosen by accuracy on
    the ten public crowd sets of benchmarks/quality/accuracy.py, whole and thinned to few labels per item. What we reach
    on those is therefore no held-out figure.
    """

    spread: float = 0.5
    """Pseudo-labels in every row of a labeler's confusion matrix, and pseudo-items, spread evenly over the classes."""
    diagonal: float = 2.0
    """Further pseudo-labels in every cell of the diagonal, where the labeler is right."""
    floor: float = 0.0
    """What a class counts at least, where a labeler ever said it; a guard against zeros without pseudo-counts."""
    least_labels: int = 2
    """Items with fewer labels take no part in the fit, unless they are anchored."""
    max_iterations: int = 100
    """Rounds of EM at most."""
    tolerance: float = 1e-6
    """EM has converged when a round gains less log-likelihood per label than this; 0: all rounds are done."""
    settled: float = 1e-5
    """EM has converged, too, when for three rounds no larger share of items changed its likeliest class."""


_DEFAULT = Options()
_SETTLED_ROUNDS = 3
AS_PUBLISHED = Options(spread=0.0, diagonal=0.0, floor=1e-10, least_labels=1)
"""Without prior knowledge: maximum likelihood as in the paper, which is what crowd-kit computes."""


@dataclass(frozen=True)
class DawidSkene:
    """What EM learned: enough to judge further labels of the same labelers."""

    prior: Floats
    """(classes)"""
    confusion: Floats
    """(labelers, classes said, true classes)"""
    average: Floats
    """(classes said, true classes): that of a labeler of whom nothing is known."""
    iterations: int
    converged: bool

    @property
    def log_confusion(self) -> Floats:
        """(labelers, classes said, true classes)."""
        return np.log(np.maximum(self.confusion, _TINY))

    @property
    def as_confusion_model(self) -> ConfusionModel:
        """What it has in common with other methods."""
        return ConfusionModel(self.prior, self.confusion, self.average, NAME, VERSION, self.iterations, self.converged)

    def apply(self, table: LabelTable) -> Consensus:
        """The posterior of every item of a table with the same labelers and classes; see Model."""
        return self.as_confusion_model.apply(table)


def fit(table: LabelTable, anchors: Codes | None = None, options: Options = _DEFAULT) -> DawidSkene:
    """Fits Dawid and Skene's model by expectation maximisation.

    Labeler l says k about an item whose true class is c with probability pi^l_ck, independently of everything else;
    classes have the prior p_c. EM alternates, from the shares of votes:

        E:  T_ic  proportional to  p_c  prod over the labels (l, k) of i of  pi^l_ck
        M:  p_c    = (b + sum over i of T_ic) / (sum over c of the same)
            pi^l_ck = (a_ck + sum over i that l called k of T_ic) / (sum over k of the same)

    a and b are the Dirichlet pseudo-counts of `options`, without which a labeler's first few answers make impossible
    what was merely not seen. The likelihood (with that prior, which is what EM climbs) grows in every round.

    Two things differ from the paper. Items with a single label take no part in the fit: nothing tells their class from
    their labeler's errors, and where they are many, EM would explain all labels as errors about one class. And anchored
    items keep their gold class.

    (A. P. Dawid and A. M. Skene, Maximum Likelihood Estimation of Observer Error-Rates Using the EM Algorithm, Applied
    Statistics 28, 1979.)

    Args:
        table: The labels.
        anchors: The known class of every item, NO_GOLD where there is none.
        options: How.
    """
    return fit_parts(split(table, anchors, least=options.least_labels), len(table.labelers), options)


def fit_parts(parts: Parts, labelers: int, options: Options = _DEFAULT, start: DawidSkene | None = None) -> DawidSkene:
    """The same over labels that lie anywhere.

    Args:
        parts: The labels.
        labelers: How many there are over all parts.
        options: How.
        start: Begins with what was learned earlier instead of with the votes.
    """
    counted = parts.votes()
    said = counted.counts.sum(axis=1) > 0
    estimate = _maximised(counted, said, labelers, options)
    if start is not None:
        estimate = _Estimate(start.prior, start.as_confusion_model.rows(labelers))
    enough, reached, settled = options.tolerance * max(1, counted.labels), -np.inf, 0
    iteration, converged = 0, False
    while not converged and iteration < options.max_iterations:
        iteration += 1
        counted = parts.round(estimate.prior, estimate.confusion)
        likelihood = counted.likelihood + estimate.log_density(options)
        few = options.settled * counted.items
        settled = settled + 1 if few >= 1 and counted.changed <= few else 0  # one of few items may be a tie
        converged = options.tolerance > 0 and (likelihood - reached < enough or settled >= _SETTLED_ROUNDS)
        reached = likelihood
        if not converged and iteration < options.max_iterations:
            estimate = _maximised(counted, said, labelers, options)
    classes = len(estimate.prior)
    confusion = estimate.confusion.reshape(labelers, classes, classes)
    return DawidSkene(estimate.prior, confusion, _average(counted, labelers, options), iteration, converged)


@dataclass(frozen=True)
class _Estimate:
    prior: Floats
    confusion: Floats
    """(labelers x classes said, true classes)"""

    def log_density(self, options: Options) -> float:
        """The logarithm of the Dirichlet prior's density, but for a constant."""
        classes = len(self.prior)
        matrices = np.log(np.maximum(self.confusion, _TINY)).reshape(-1, classes, classes).sum(axis=0)
        shares = options.spread / classes * float(np.log(np.maximum(self.prior, _TINY)).sum())
        return float((_pseudo(classes, options) * matrices).sum()) + shares


def _maximised(counted: Counts, said: npt.NDArray[np.bool_], labelers: int, options: Options) -> _Estimate:
    classes = len(counted.shares)
    counts = np.maximum(counted.counts, options.floor, where=said[:, None], out=counted.counts)
    counts = counts.reshape(labelers, classes, classes) + _pseudo(classes, options)
    shares = np.maximum(counted.shares + options.spread / classes, options.floor)
    confusion = _columns(counts).reshape(-1, classes)
    return _Estimate(shares / max(shares.sum(), _TINY), confusion)


def _average(counted: Counts, labelers: int, options: Options) -> Floats:
    classes = len(counted.shares)
    pooled = counted.counts.reshape(labelers, classes, classes).sum(axis=0)
    return _columns(pooled + _pseudo(classes, options))


def _columns(counts: Floats) -> Floats:
    """Counts (…, classes said, true classes) as shares of the true class; even where nothing was counted."""
    totals = counts.sum(axis=-2, keepdims=True)
    shares = np.full_like(counts, 1 / counts.shape[-1])
    np.divide(counts, totals, out=shares, where=totals > 0)
    return shares


def _pseudo(classes: int, options: Options) -> Floats:
    return options.spread / classes + options.diagonal * np.eye(classes)
