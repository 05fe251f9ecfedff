"""IBCC: Dawid and Skene's model inferred as distributions, the labelers' common prior learned from the labels. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import digamma, gammaln

from labelmill_quality.aggregation.confusion_counts import Counts, Parts, split
from labelmill_quality.aggregation.confusion_model import ConfusionModel
from labelmill_quality.labels import Codes, LabelTable

Floats = npt.NDArray[np.float64]

NAME = "ibcc"
VERSION = "1"


@dataclass(frozen=True)
class Options:
    """How the bound is climbed.

    Nothing here was tuned: the prior that matters is learned. Other values (diagonal 1 to 4, rate 0.01 to 5) change the
    mean accuracy on the ten public crowd sets of benchmarks/quality/accuracy.py by less than 0.1 points.
    """

    spread: float = 1.0
    """Pseudo-labels in every row of the first guess of the labelers' prior, and pseudo-items, spread evenly."""
    diagonal: float = 1.0
    """Further pseudo-labels in every cell of its diagonal."""
    rate: float = 1.0
    """How firmly that guess is held: the rate of the Gamma priors of which it is the mode."""
    max_iterations: int = 100
    """Rounds at most."""
    tolerance: float = 1e-6
    """It has converged when a round gains less per label than this."""


_DEFAULT = Options()
_LEAST, _MOST = 1e-3, 1e4
"""Bounds of a learned pseudo-count: beyond them digamma loses its digits, and nothing changes any more."""


def fit(table: LabelTable, anchors: Codes | None = None, options: Options = _DEFAULT) -> ConfusionModel:
    """Fits independent Bayesian classifier combination by variational Bayes.

    The model is Dawid and Skene's, and the rows of the confusion matrices have a prior that all labelers share:

        pi^l_c ~ Dirichlet(a_c),   p ~ Dirichlet(b),   a_ck ~ Gamma(1 + r g_ck, r)

    With q(y) q(pi) q(p) for the posterior, every round sets, psi being the digamma function and n^l_ck the labels of
    labeler l shared out over the classes as q(y) is:

        E[log pi^l_ck] = psi(a_ck + n^l_ck) - psi(sum over k of the same)
        E[log p_c]     = psi(b + n_c) - psi(sum over c of the same)
        q(y_i = c)     proportional to  exp(E[log p_c] + sum over the labels (l, k) of i of E[log pi^l_ck])

    and moves a to where the bound (with its Gamma prior, whose mode is the first guess g) is larger, by a step of
    Minka's fixed point. That is what differs from the papers, where a is given: labelers with few labels are judged by
    what labelers of this table are like, of a table with strong labelers, or with one class often taken for another,
    otherwise than of one with spammers; no size of a prior has to be chosen.

    As in `dawid_skene`, items with one label take no part in the fit, and anchored items keep their class.

    (H.-C. Kim and Z. Ghahramani, Bayesian Classifier Combination, AISTATS 2012; E. Simpson, S. Roberts, I. Psorakis and
    A. Smith, Dynamic Bayesian Combination of Multiple Imperfect Classifiers, 2013; T. Minka, Estimating a Dirichlet
    distribution, 2000.)

    Args:
        table: The labels.
        anchors: The known class of every item, NO_GOLD where there is none.
        options: How.
    """
    return fit_parts(split(table, anchors), len(table.labelers), options)


def fit_parts(parts: Parts, labelers: int, options: Options = _DEFAULT) -> ConfusionModel:
    """The same over labels that lie anywhere.

    Args:
        parts: The labels.
        labelers: How many there are over all parts.
        options: How.
    """
    counted = parts.votes()
    guess = _guess(len(counted.shares), options)
    belief = believe(counted, guess, labelers, options)
    enough, reached = options.tolerance * max(1, counted.labels), -np.inf
    iteration, converged = 0, False
    while not converged and iteration < options.max_iterations:
        iteration += 1
        counted = parts.round(belief.prior, belief.confusion)
        bound = counted.likelihood - belief.divergence
        converged = bound - reached < enough
        reached = bound
        if not converged and iteration < options.max_iterations:
            belief = believe(counted, belief.next_pseudo, labelers, options)
    classes = len(guess)
    confusion = belief.confusion.reshape(labelers, classes, classes)
    average = np.exp(digamma(belief.pseudo) - digamma(belief.pseudo.sum(axis=0)))
    return ConfusionModel(belief.prior, confusion, average, NAME, VERSION, iteration, converged)


@dataclass(frozen=True)
class Belief:
    """What the counts of a round say of labelers and classes."""

    prior: Floats
    """(classes): exp E[log p]."""
    confusion: Floats
    """(labelers x classes said, true classes): exp E[log pi]."""
    pseudo: Floats
    """(classes said, true classes): a."""
    next_pseudo: Floats
    """The same after a step of the fixed point."""
    divergence: float
    """What the bound loses: KL(q(pi) || p(pi)) + KL(q(p) || p(p)), and the Gamma prior of a."""


def believe(counted: Counts, pseudo: Floats, labelers: int, options: Options) -> Belief:
    """The M step; `pseudo` is the labelers' prior (classes said, true classes)."""
    classes = len(pseudo)
    counts = counted.counts.reshape(labelers, classes, classes)
    mass = counts + pseudo
    totals = mass.sum(axis=1)
    digammas, digammas_of_totals = digamma(mass), digamma(totals)
    logs = digammas - digammas_of_totals[:, None, :]
    guess, prior_mass = _guess(classes, options), np.full(classes, options.spread / classes)
    items = counted.shares + prior_mass
    log_prior = digamma(items) - digamma(items.sum())
    divergence = float((counts * logs).sum() - (_log_beta(mass, 1).sum() - labelers * _log_beta(pseudo, 0).sum()))
    divergence += float((counted.shares * log_prior).sum() - (_log_beta(items, 0) - _log_beta(prior_mass, 0)))
    divergence -= options.rate * float((guess * np.log(pseudo) - pseudo).sum())
    gained = digammas.sum(axis=0) - labelers * digamma(pseudo)
    lost = digammas_of_totals.sum(axis=0) - labelers * digamma(pseudo.sum(axis=0))
    step = (pseudo * gained + options.rate * guess) / (lost + options.rate)
    return Belief(
        np.exp(log_prior), np.exp(logs).reshape(-1, classes), pseudo, np.clip(step, _LEAST, _MOST), divergence
    )


def _guess(classes: int, options: Options) -> Floats:
    guess: Floats = options.spread / classes + options.diagonal * np.eye(classes)
    return guess


def _log_beta(mass: Floats, axis: int) -> Floats:
    """The logarithm of the Dirichlet distribution's normalizer, along an axis."""
    outcome: Floats = gammaln(mass).sum(axis=axis) - gammaln(mass.sum(axis=axis))
    return outcome
