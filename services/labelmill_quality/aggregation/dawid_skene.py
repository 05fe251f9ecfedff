"""Dawid and Skene: the true classes and every labeler's confusion matrix, each inferred from the other. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.aggregation.consensus import Consensus
from labelmill_quality.aggregation.leave_one_out import ByContributions
from labelmill_quality.labels import NO_GOLD, Codes, LabelTable

Floats = npt.NDArray[np.float64]

NAME = "dawid_skene"
VERSION = "1"


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
    max_iterations: int = 100
    """Rounds of EM at most."""
    tolerance: float = 1e-6
    """EM has converged when a round gains less log-likelihood per label than this."""


_DEFAULT = Options()


@dataclass(frozen=True)
class DawidSkene:
    """What EM learned: enough to judge further labels of the same labelers."""

    log_prior: Floats
    """(classes)"""
    log_confusion: Floats
    """(labelers, classes said, true classes)"""
    iterations: int
    converged: bool

    def apply(self, table: LabelTable) -> Consensus:
        """The posterior of every item of a table with the same labelers and classes."""
        scores = table.design @ _flat(self.log_confusion) + self.log_prior
        posterior = _softmax(scores)[0]
        others = ByContributions(table, scores, self.log_confusion)
        return Consensus(posterior, others, NAME, VERSION, self.iterations, self.converged)


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
    labelers, classes = len(table.labelers), len(table.classes)
    telling = table.labels_per_item >= 2
    if anchors is not None:
        telling |= anchors != NO_GOLD
        anchors = anchors[telling]
    design = table.design[telling]
    transposed = design.T.tocsr()
    pseudo = options.spread / classes + options.diagonal * np.eye(classes)
    posterior = _anchored((table.votes / table.labels_per_item[:, None])[telling], anchors)
    enough = options.tolerance * max(1.0, design.sum())
    reached, iteration, converged = -np.inf, 0, False
    while not converged and iteration < options.max_iterations:
        iteration += 1
        counts = (transposed @ posterior).reshape(labelers, classes, classes) + pseudo
        log_confusion = np.log(counts / counts.sum(axis=1, keepdims=True))
        shares = posterior.sum(axis=0) + options.spread / classes
        log_prior = np.log(shares / shares.sum())
        scores = design @ _flat(log_confusion) + log_prior
        posterior, evidence = _softmax(scores)
        posterior = _anchored(posterior, anchors)
        likelihood = _likelihood(scores, evidence, anchors) + float((pseudo * log_confusion).sum())
        likelihood += options.spread / classes * float(log_prior.sum())
        converged = likelihood - reached < enough
        reached = likelihood
    return DawidSkene(log_prior, log_confusion, iteration, converged)


def _flat(log_confusion: Floats) -> Floats:
    return log_confusion.reshape(-1, log_confusion.shape[-1])


def _softmax(scores: Floats) -> tuple[Floats, Floats]:
    """Rows to probabilities, and the logarithm of what each row was divided by."""
    largest = scores.max(axis=1, keepdims=True)
    weights = np.exp(scores - largest)
    totals = weights.sum(axis=1, keepdims=True)
    return weights / totals, (largest + np.log(totals)).ravel()


def _anchored(posterior: Floats, anchors: Codes | None) -> Floats:
    if anchors is not None:
        known = np.flatnonzero(anchors != NO_GOLD)
        posterior[known] = 0.0
        posterior[known, anchors[known]] = 1.0
    return posterior


def _likelihood(scores: Floats, evidence: Floats, anchors: Codes | None) -> float:
    if anchors is None:
        return float(evidence.sum())
    known = anchors != NO_GOLD
    return float(evidence[~known].sum() + scores[known, anchors[known]].sum())
