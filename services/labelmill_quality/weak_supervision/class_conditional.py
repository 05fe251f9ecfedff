"""A label model in which a function's votes, and its silence, depend on the class. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from labelmill_quality.weak_supervision.fitting import Evidence, Judgement, Options, anchored, softmax
from labelmill_quality.weak_supervision.votes import Patterns

Floats = npt.NDArray[np.float64]

NAME = "class_conditional"
VERSION = "1"
_LEAST = 1e-6
"""The least probability of anything, so that no single vote settles an item."""


@dataclass(frozen=True)
class ClassConditional:
    """What EM learned."""

    log_prior: Floats
    """(classes)"""
    log_votes: Floats
    """(functions, classes voted for, true classes)"""
    log_silence: Floats
    """(functions, true classes): of abstaining."""
    iterations: int
    converged: bool

    def judge(self, patterns: Patterns, weights: Floats) -> Judgement:
        """The posterior of every pattern; weights (functions) are how much of each function's evidence counts."""
        posterior, _ = softmax(_scores(self, patterns.design, weights))
        return Judgement(posterior, NAME, VERSION, self.iterations, self.converged)


def fit(evidence: Evidence, options: Options) -> ClassConditional:
    """Fits a naive Bayes model with a hidden class by EM.

    Function f votes for k about an item of class c with probability theta^f_kc and abstains with the rest,
    independently of the other functions given the class; classes have the prior p_c:

        E:  T_ic  proportional to  p_c  prod over f of  theta^f_{v_if, c}  ^ w_f
        M:  theta^f_kc = (a m^f_kc + sum over i that f called k of T_ic) / (a + sum over i of T_ic)
            p_c = (a / K + sum over i of T_ic) / (a + n)        unless the class balance is given

    Silence is evidence, too: whoever writes "spam if it says subscribe" also says something of texts that do not. m is
    the guess that a vote is right with the accuracy expected of functions, at the coverage that the function has; a is
    its size in items; w is below 1 for functions that repeat one another.

    (A. J. Ratner et al., Data Programming, NeurIPS 2016, with the class-conditional parameters of Training Complex
    Models with Multi-Task Weak Supervision, AAAI 2019, which fits them to the overlaps of pairs instead.)
    """
    patterns, classes = evidence.patterns, evidence.patterns.class_count
    design = patterns.design
    functions, items = patterns.rows.shape[1], float(patterns.counts.sum())
    prior = evidence.balance if evidence.balance is not None else np.full(classes, 1 / classes)
    guess = _guess(patterns.cast / max(items, 1.0), prior, options.expected_accuracy)
    model = _model(guess, prior, 0, False)
    reached, iteration, converged = -np.inf, 0, False
    while not converged and iteration < options.max_iterations:
        iteration += 1
        posterior, support = softmax(_scores(model, design, evidence.weights))
        posterior = anchored(posterior, evidence.anchor_shares)
        mass = posterior * patterns.counts[:, None]
        votes = (design.T @ mass).reshape(functions, classes, classes)
        totals = mass.sum(axis=0)
        shares = (votes + options.items_of_guess * guess) / (totals + options.items_of_guess)
        if evidence.balance is None:
            prior = (totals + options.items_of_guess / classes) / (items + options.items_of_guess)
        likelihood = float(support @ patterns.counts)
        converged = abs(likelihood - reached) < options.tolerance * max(items, 1.0)
        reached = likelihood
        model = _model(shares, prior, iteration, converged)
    return model


def _scores(model: ClassConditional, design: sparse.csr_matrix, weights: Floats) -> Floats:
    silent = model.log_prior + weights @ model.log_silence
    spoken = (model.log_votes - model.log_silence[:, None, :]) * weights[:, None, None]
    scores: Floats = design @ spoken.reshape(-1, spoken.shape[-1]) + silent
    return scores


def _guess(coverage: Floats, prior: Floats, accuracy: float) -> Floats:
    """(functions, classes voted for, true classes): probabilities of votes at the coverage (functions, classes)."""
    classes = len(prior)
    right = np.eye(classes, dtype=bool)
    share = np.where(right, accuracy / prior[:, None], (1 - accuracy) / (1 - prior)[:, None])
    votes: Floats = coverage[:, :, None] * share
    total = votes.sum(axis=1, keepdims=True)
    return np.asarray(votes * np.minimum(1.0, 0.98 / np.maximum(total, _LEAST)), np.float64)


def _model(votes: Floats, prior: Floats, iterations: int, converged: bool) -> ClassConditional:
    silence = np.maximum(1 - votes.sum(axis=1), _LEAST)
    return ClassConditional(
        np.log(np.maximum(prior, _LEAST)),
        np.log(np.maximum(votes, _LEAST)),
        np.log(silence),
        iterations,
        converged,
    )
