"""A label model with one number for each function: how often its votes are right. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.weak_supervision.fitting import Evidence, Judgement, Options, anchored, softmax
from labelmill_quality.weak_supervision.votes import Patterns

Floats = npt.NDArray[np.float64]

NAME = "one_accuracy"
VERSION = "1"
_MOST = 0.995
"""The most that a function is believed, so that no single vote settles an item."""
_SETTLED = 1e-6


@dataclass(frozen=True)
class OneAccuracy:
    """What EM learned."""

    accuracies: Floats
    """(functions)"""
    balance: Floats
    """(classes)"""
    iterations: int
    converged: bool

    def judge(self, patterns: Patterns, weights: Floats) -> Judgement:
        """The posterior of every pattern; weights (functions) are how much of each function's evidence counts."""
        classes = len(self.balance)
        scores = patterns.design @ _log_odds(self.accuracies, weights, classes) + np.log(self.balance)
        return Judgement(softmax(scores)[0], NAME, VERSION, self.iterations, self.converged)


def fit(evidence: Evidence, options: Options) -> OneAccuracy:
    """Fits the accuracy alpha_f of every function by EM, all classes taken to be equally frequent.

        E:  T_ic  proportional to  prod over the votes (f, k) of i of  a(f, k, c) ^ w_f
            a(f, k, c) = alpha_f if k = c else (1 - alpha_f) / (K - 1)
        M:  alpha_f = (a b + sum over the votes (f, k) of f of T_ik) / (a + the votes of f)

    at least a little better than chance, which is what makes it a labeling function. b is the accuracy expected, a its
    size in votes: a share of all items, so that functions that are seldom checked by others stay near b.

    Where every function votes for one class only (keywords, patterns), the overlaps tell its precision and little else:
    the full class-conditional model then explains the data better, and the classes worse. Nor do they tell the
    frequency of classes; a known balance is put on the posterior after the fit.

    (The model is that of A. J. Ratner et al., Data Programming, NeurIPS 2016, without its factors for coverage.)
    """
    patterns, classes = evidence.patterns, evidence.patterns.class_count
    design = patterns.design
    functions, items = patterns.rows.shape[1], float(patterns.counts.sum())
    cast = patterns.cast.sum(axis=1)
    pseudo = options.share_of_guess * items
    least = min(1 / classes + options.better_than_chance, options.expected_accuracy)
    accuracies = np.full(functions, options.expected_accuracy)
    iteration, converged = 0, False
    while not converged and iteration < options.max_iterations:
        iteration += 1
        posterior, _ = softmax(design @ _log_odds(accuracies, evidence.weights, classes))
        posterior = anchored(posterior, evidence.anchor_shares)
        votes = (design.T @ (posterior * patterns.counts[:, None])).reshape(functions, classes, classes)
        right = np.trace(votes, axis1=1, axis2=2)
        better = (right + pseudo * options.expected_accuracy) / np.maximum(cast + pseudo, 1e-12)
        better = np.clip(better, least, _MOST)
        converged = bool(np.abs(better - accuracies).max(initial=0.0) < _SETTLED)
        accuracies = better
    balance = evidence.balance if evidence.balance is not None else np.full(classes, 1 / classes)
    return OneAccuracy(accuracies, balance, iteration, converged)


def _log_odds(accuracies: Floats, weights: Floats, classes: int) -> Floats:
    """(functions x classes voted for, true classes): what a vote adds to the scores."""
    odds = weights * np.log(accuracies * (classes - 1) / (1 - accuracies))
    table: Floats = odds[:, None, None] * np.eye(classes)
    return table.reshape(-1, classes)
