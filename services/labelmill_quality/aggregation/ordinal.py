"""Ordinal: confusion matrices of labelers who err to neighbours, for classes in an order. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import digamma, ndtr

from labelmill_quality.aggregation.confusion_counts import Counts, Parts, split
from labelmill_quality.aggregation.confusion_model import ConfusionModel
from labelmill_quality.labels import Codes, LabelTable

Floats = npt.NDArray[np.float64]

NAME = "ordinal"
VERSION = "1"


@dataclass(frozen=True)
class Options:
    """How the rounds are run."""

    lapse: float = 0.05
    """Share of labels that are given at random, whatever is true."""
    largest_bias: float = 2.0
    """Classes that a labeler may be too high or too low."""
    own_pseudo_labels: float = 8.0
    """Labels for each true class that are taken for given as the labeler's thresholds say."""
    shared_pseudo_labels: float = 8.0
    """Labels for each true class that are taken for given as the average labeler gives them. On the four sets of
    benchmarks/quality/ordinal.py, 4 or 8 of the former with 2 or 8 of these are about equally good."""
    pseudo_labelers: float = 5.0
    """Labelers, spread as in the first guess, that hold the prior of biases and noises."""
    max_iterations: int = 100
    """Rounds at most."""
    tolerance: float = 1e-6
    """It has converged when a round changes the log-likelihood by less per label than this."""


_DEFAULT = Options()
_BIASES, _NOISES = 17, 10


def fit(table: LabelTable, anchors: Codes | None = None, options: Options = _DEFAULT) -> ConfusionModel:
    """Fits confusion matrices whose prior knows the order of the classes.

    The classes are 0 ... C-1 in their order. A threshold model says what is to be expected of labeler l: they perceive
    x = c + b_l + s_l e of an item of class c, e being standard normal, and say the class that x is nearest to, or, in a
    share of 5 %, any class:

        t_ck(b, s) = 0.95 (F((k + 1/2 - c - b) / s) - F((k - 1/2 - c - b) / s)) + 0.05 / C

    with F the normal distribution, open at both ends. (b, s) is one of 170 points of a grid; the posterior of each
    labeler over them, q_l, is exact given the classes, and their prior is learned from all labelers, as far as it
    departs from a first guess worth five labelers. What a labeler does between two classes so tells what they do
    between others. Then, with n^l_ck the labels shared out over the classes, and r the average labeler's shares,

        E[log pi^l_ck] = psi(n^l_ck + a_ck) - psi(sum over k of the same),     a = 8 E_q[t] + 8 r

    takes the place of IBCC's: where a labeler has few labels, the order speaks, where there are many, the labels do.

    (J. Uebersax and W. Grove, A Latent Trait Finite Mixture Model for the Analysis of Rating Agreement, Biometrics 49,
    1993, for the thresholds.)

    Args:
        table: The labels; `classes` in their order.
        anchors: The known class of every item, NO_GOLD where there is none.
        options: How.
    """
    return fit_parts(split(table, anchors), len(table.labelers), options)


def fit_parts(parts: Parts, labelers: int, options: Options = _DEFAULT) -> ConfusionModel:
    """The same over labels that lie anywhere; `labelers` is how many there are over all parts."""
    counted = parts.votes()
    grid = _Grid.of(len(counted.shares), options)
    belief = _believe(counted, grid, grid.guess, labelers, options)
    enough, reached = options.tolerance * max(1, counted.labels), -np.inf
    iteration, converged = 0, False
    while not converged and iteration < options.max_iterations:
        iteration += 1
        counted = parts.round(belief.prior, belief.confusion)
        converged = abs(counted.likelihood - reached) < enough
        reached = counted.likelihood
        if not converged and iteration < options.max_iterations:
            belief = _believe(counted, grid, belief.points, labelers, options)
    classes = len(belief.prior)
    confusion = belief.confusion.reshape(labelers, classes, classes)
    return ConfusionModel(belief.prior, confusion, belief.average, NAME, VERSION, iteration, converged)


@dataclass(frozen=True)
class _Grid:
    shares: Floats
    """(points, classes said, true classes): t."""
    guess: Floats
    """(points): the first guess of their prior."""

    @classmethod
    def of(cls, classes: int, options: Options) -> _Grid:
        biases = np.linspace(-options.largest_bias, options.largest_bias, _BIASES)
        noises = np.geomspace(0.2, max(2.0, classes / 2), _NOISES)
        bias, noise = (each.ravel() for each in np.meshgrid(biases, noises, indexing="ij"))
        said, true = np.arange(classes)[:, None], np.arange(classes)[None, :]
        centre = (true + bias[:, None, None]) - said  # (points, said, true): how far perception is above the class
        scale = noise[:, None, None]
        upper = np.where(said == classes - 1, 1.0, ndtr((0.5 - centre) / scale))
        lower = np.where(said == 0, 0.0, ndtr((-0.5 - centre) / scale))
        band = np.maximum(upper - lower, 0.0)
        guess = np.exp(-0.5 * (bias / 0.5) ** 2 - 0.5 * (np.log(noise / 0.6) / 0.7) ** 2)
        return cls((1 - options.lapse) * band + options.lapse / classes, guess / guess.sum())


@dataclass(frozen=True)
class _Belief:
    prior: Floats
    """(classes)"""
    confusion: Floats
    """(labelers x classes said, true classes): exp E[log pi]."""
    average: Floats
    """(classes said, true classes): r."""
    points: Floats
    """(points): the labelers' common prior, learned from them."""


def _believe(counted: Counts, grid: _Grid, points: Floats, labelers: int, options: Options) -> _Belief:
    classes = len(counted.shares)
    counts, flat = counted.counts.reshape(labelers, classes, classes), grid.shares.reshape(len(points), -1)
    scores = counts.reshape(labelers, classes**2) @ np.log(flat).T + np.log(points)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
    weights /= weights.sum(axis=1, keepdims=True)  # (labelers, points): q
    learned = weights.sum(axis=0) + options.pseudo_labelers * grid.guess
    average = counts.sum(axis=0) + np.eye(classes)
    average /= average.sum(axis=0)
    mass = counts + options.own_pseudo_labels * (weights @ flat).reshape(counts.shape)
    mass += options.shared_pseudo_labels * average
    logs = digamma(mass) - digamma(mass.sum(axis=1, keepdims=True))
    prior = (counted.shares + 1) / (counted.shares.sum() + classes)
    return _Belief(prior, np.exp(logs).reshape(-1, classes), average, learned / learned.sum())
