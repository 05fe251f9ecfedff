"""One-coin Dawid-Skene: a labeler is one number, the probability of being right. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.aggregation.consensus import Consensus
from labelmill_quality.aggregation.leave_one_out import ByContributions
from labelmill_quality.labels import NO_GOLD, Codes, LabelTable

Floats = npt.NDArray[np.float64]

NAME = "one_coin"
VERSION = "1"


@dataclass(frozen=True)
class Options:
    """How EM is run.

    Both priors are there because EM without them collapses at two or three labels an item: it explains all labels as
    errors about the commonest class. With classes equally likely beforehand it does not. On the ten public crowd sets
    of benchmarks/quality/accuracy.py, whole and with three labels an item, skills with pseudo-counts from (2, 1) to
    (8, 4) differ by less than half a point in mean accuracy, a free class prior is worse by four to ten.
    """

    right: float = 8.0
    """Pseudo-labels that were right, of every labeler."""
    wrong: float = 2.0
    """Pseudo-labels that were wrong."""
    max_iterations: int = 100
    """Rounds of EM at most."""
    tolerance: float = 1e-5
    """EM has converged when no labeler's skill changes by more in a round."""


_DEFAULT = Options()


@dataclass(frozen=True)
class OneCoin:
    """What EM learned."""

    skills: Floats
    """(labelers): the probability of being right."""
    average: float
    """That of a labeler of whom nothing is known."""
    iterations: int
    converged: bool

    def apply(self, table: LabelTable) -> Consensus:
        """The posterior of every item; see Model."""
        new = len(table.labelers) - len(self.skills)
        votes = _log_odds(np.concatenate([self.skills, np.full(new, self.average)]), len(table.classes))
        scores = _scores(table, votes)
        others = ByContributions(table, scores, votes[:, None, None] * np.eye(len(table.classes)))
        return Consensus(_softmax(scores), others, NAME, VERSION, self.iterations, self.converged)


def fit(table: LabelTable, anchors: Codes | None = None, options: Options = _DEFAULT) -> OneCoin:
    """Fits the model by expectation maximisation.

    Labeler l is right with the probability s_l, and says each of the K - 1 wrong classes equally often; all classes are
    equally likely beforehand. From the shares of votes, EM alternates:

        M:  s_l = (a + sum over the labels (i, k) of l of T_ik) / (a + b + the number of them)
        E:  log T_ic = const + sum over the labels (l, c) of i of  log( s_l (K - 1) / (1 - s_l) )

    so it is a vote weighted by log-odds. Items with a single label take no part in the fit; anchored items keep their
    gold class. (A. P. Dawid and A. M. Skene, 1979, reduced to one parameter; Y. Zhang et al., Spectral Methods Meet EM,
    JMLR 17, 2016.)

    Args:
        table: The labels.
        anchors: The known class of every item, NO_GOLD where there is none.
        options: How.
    """
    labelers, classes = len(table.labelers), len(table.classes)
    telling = table.labels_per_item >= 2
    known = np.empty(0, np.int64) if anchors is None else np.flatnonzero(anchors != NO_GOLD)
    telling[known] = True
    weights = telling[table.item_codes].astype(np.float64)
    if table.weights is not None:
        weights *= table.weights
    labels = np.bincount(table.labeler_codes, weights, minlength=labelers)
    votes = table.votes
    posterior = votes / votes.sum(axis=1, keepdims=True)
    skills, iteration, converged = np.full(labelers, np.inf), 0, False
    while not converged and iteration < options.max_iterations:
        iteration += 1
        if anchors is not None:
            posterior[known] = 0.0
            posterior[known, anchors[known]] = 1.0
        said = weights * posterior[table.item_codes, table.class_codes]
        right = np.bincount(table.labeler_codes, said, minlength=labelers)
        before, skills = skills, (right + options.right) / (labels + options.right + options.wrong)
        converged = bool(np.abs(skills - before).max(initial=0.0) <= options.tolerance)
        if not converged:
            posterior = _softmax(_scores(table, _log_odds(skills, classes)))
    average = (right.sum() + options.right) / (labels.sum() + options.right + options.wrong)
    return OneCoin(skills, float(average), iteration, converged)


def _log_odds(skills: Floats, classes: int) -> Floats:
    odds: Floats = np.log(skills * max(1, classes - 1) / (1 - skills))
    return odds


def _scores(table: LabelTable, log_odds: Floats) -> Floats:
    size, classes = len(table.items), len(table.classes)
    cells = table.item_codes.astype(np.int64) * classes + table.class_codes
    of_labels = log_odds[table.labeler_codes] * (1.0 if table.weights is None else table.weights)
    return np.bincount(cells, of_labels, minlength=size * classes).reshape(size, classes).astype(np.float64)


def _softmax(scores: Floats) -> Floats:
    weights = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
    posterior: Floats = weights / weights.sum(axis=1, keepdims=True)
    return posterior
