"""MACE: a labeler knows the class, or answers by habit. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betaln, digamma, gammaln

from labelmill_quality.aggregation.confusion_counts import Counts, Parts, split
from labelmill_quality.aggregation.confusion_model import ConfusionModel
from labelmill_quality.labels import Codes, LabelTable

Floats = npt.NDArray[np.float64]

NAME = "mace"
VERSION = "1"


@dataclass(frozen=True)
class Options:
    """How EM is run."""

    variational: bool = False
    """Infers distributions (variational Bayes) instead of the likeliest values (EM)."""
    smoothing: float = 0.1
    """EM: pseudo-labels of a labeler, spread evenly over habits, and over knowing and not knowing."""
    known: float = 0.5
    """Variational: pseudo-labels given with knowledge, as in the paper."""
    habitual: float = 0.5
    """Variational: pseudo-labels given by habit, as in the paper."""
    habit: float = 10.0
    """Variational: pseudo-labels for each class that a habit may choose, as in the paper."""
    learn_prior: bool = True
    """Learns how common the classes are; the paper takes all for equally common."""
    restarts: int = 1
    """Starts; the first from the votes, the others at random; what fits best is kept."""
    seed: int = 0
    """The same seed gives the same starts."""
    max_iterations: int = 100
    """Rounds of EM in each start at most."""
    tolerance: float = 1e-6
    """EM has converged when a round gains less per label than this."""


_DEFAULT = Options()
_TINY = 1e-300
_FIRST_SKILL = 0.75


def fit(table: LabelTable, anchors: Codes | None = None, options: Options = _DEFAULT) -> ConfusionModel:
    """Fits multi-annotator competence estimation.

    For each label, labeler l knows the true class with probability t_l and says it; else the labeler says class k with
    probability x_lk, whatever is true. So l says k about an item of class c with probability

        pi^l_ck = t_l [c = k] + (1 - t_l) x_lk

    a confusion matrix with C parameters instead of C (C - 1): that is all that differs from Dawid and Skene's E step. M
    shares the labels n^l_ck out between knowledge and habit:

        known_lk = n^l_kk t_l / (t_l + (1 - t_l) x_lk)       habitual_lk = (sum over c of n^l_ck) - known_lk

    and takes t and x as shares of the counts plus pseudo-counts, or, variationally, as exp(psi(count) - psi(total)).

    Unlike in the paper, how common the classes are is learned: with one class at 88 % (D_Product), it loses 10 points
    without. And it starts from the votes; random restarts, which the paper needs, are an option.

    (D. Hovy, T. Berg-Kirkpatrick, A. Vaswani and E. Hovy, Learning Whom to Trust with MACE, NAACL 2013.)

    Args:
        table: The labels.
        anchors: The known class of every item, NO_GOLD where there is none.
        options: How.
    """
    return fit_parts(split(table, anchors), len(table.labelers), options)


def fit_parts(parts: Parts, labelers: int, options: Options = _DEFAULT) -> ConfusionModel:
    """The same over labels that lie anywhere; `labelers` is how many there are over all parts."""
    votes, generator = parts.votes(), np.random.default_rng(options.seed)
    first = _Belief.first(votes, labelers)
    starts = [first, *(first.elsewhere(generator) for _ in range(1, options.restarts))]
    best, best_bound = _climb(parts, votes, starts[0], labelers, options)
    for start in starts[1:]:
        model, bound = _climb(parts, None, start, labelers, options)
        if bound > best_bound:
            best, best_bound = model, bound
    return best


@dataclass(frozen=True)
class _Belief:
    prior: Floats
    """(classes)"""
    skill: Floats
    """(labelers): t."""
    habits: Floats
    """(labelers, classes): (1 - t) x."""
    loss: float = 0.0
    """What the likelihood loses to the priors of skill and habits, so that their difference grows in every round."""

    @classmethod
    def first(cls, votes: Counts, labelers: int) -> _Belief:
        classes = len(votes.shares)
        habits = np.full((labelers, classes), (1 - _FIRST_SKILL) / classes)
        return cls(np.full(classes, 1 / classes), np.full(labelers, _FIRST_SKILL), habits)

    def elsewhere(self, generator: np.random.Generator) -> _Belief:
        skill = generator.random(len(self.skill))
        habits = generator.dirichlet(np.ones(self.habits.shape[1]), len(skill)) * (1 - skill[:, None])
        return _Belief(self.prior, skill, habits)

    @property
    def confusion(self) -> Floats:
        """(labelers x classes said, true classes)."""
        labelers, classes = self.habits.shape
        matrices = np.eye(classes) * self.skill[:, None, None] + self.habits[:, :, None]
        return matrices.reshape(labelers * classes, classes)


def _climb(
    parts: Parts, counted: Counts | None, belief: _Belief, labelers: int, options: Options
) -> tuple[ConfusionModel, float]:
    if counted is None:
        counted = parts.round(belief.prior, belief.confusion)
    belief = _believe(counted, belief, options)
    enough, reached = options.tolerance * max(1.0, counted.counts.sum()), -np.inf
    iteration, converged = 0, False
    while not converged and iteration < options.max_iterations:
        iteration += 1
        counted = parts.round(belief.prior, belief.confusion)
        bound = counted.likelihood - belief.loss
        converged = bound - reached < enough
        reached = bound
        if not converged and iteration < options.max_iterations:
            belief = _believe(counted, belief, options)
    classes = len(belief.prior)
    confusion = belief.confusion.reshape(labelers, classes, classes)
    average = confusion.mean(axis=0) if labelers else np.eye(classes)
    return ConfusionModel(belief.prior, confusion, average, NAME, VERSION, iteration, converged), reached


def _believe(counted: Counts, belief: _Belief, options: Options) -> _Belief:
    labelers, classes = belief.habits.shape
    counts = counted.counts.reshape(labelers, classes, classes)
    right = np.einsum("lkk->lk", counts)
    known = right * belief.skill[:, None] / (belief.skill[:, None] + belief.habits + _TINY)
    habitual = counts.sum(axis=2) - known
    prior = (counted.shares + 1) / (counted.shares.sum() + classes) if options.learn_prior else belief.prior
    step = _distributions if options.variational else _shares
    return step(prior, known.sum(axis=1), habitual, options)


def _shares(prior: Floats, known: Floats, habitual: Floats, options: Options) -> _Belief:
    smoothing = options.smoothing / habitual.shape[1]
    skill = (known + smoothing) / (known + habitual.sum(axis=1) + 2 * smoothing)
    habits = habitual + smoothing
    habits /= habits.sum(axis=1, keepdims=True)
    density = np.log(skill) + np.log1p(-skill) + np.log(habits).sum(axis=1)
    return _Belief(prior, skill, (1 - skill[:, None]) * habits, -smoothing * float(density.sum()))


def _distributions(prior: Floats, known: Floats, habitual: Floats, options: Options) -> _Belief:
    by_habit, classes = habitual.sum(axis=1), habitual.shape[1]
    knows, guesses, habits = known + options.known, by_habit + options.habitual, habitual + options.habit
    every = digamma(knows + guesses)
    log_skill, log_guess = digamma(knows) - every, digamma(guesses) - every
    log_habits = digamma(habits) - digamma(habits.sum(axis=1, keepdims=True))
    loss = known * log_skill + by_habit * log_guess + (habitual * log_habits).sum(axis=1)
    loss -= betaln(knows, guesses) - betaln(options.known, options.habitual)
    loss -= gammaln(habits).sum(axis=1) - gammaln(habits.sum(axis=1))
    loss += classes * gammaln(options.habit) - gammaln(classes * options.habit)
    return _Belief(prior, np.exp(log_skill), np.exp(log_guess)[:, None] * np.exp(log_habits), float(loss.sum()))
