"""Labelers and a classifier: the classifier's probabilities are the statement of one more expert. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from labelmill_quality.aggregation.consensus import Consensus, Flags
from labelmill_quality.aggregation.leave_one_out import ByContributions
from labelmill_quality.labels import NO_GOLD, Codes, Floats, LabelTable

NAME = "with_classifier"
VERSION = "1"


@dataclass(frozen=True)
class Options:
    """How EM is run; the pseudo-counts were chosen on simulated labels of scikit-learn's digits."""

    accuracy_labels: float = 5.0
    """Labels of an average labeler in the prior of each one's accuracy."""
    confusion_labels: float = 100.0
    """Labels, with that accuracy and everybody's errors, in the prior of each column of a labeler's confusion."""
    floor: float = 1e-3
    """Probability at least that a classifier is heard to say: no 0 is taken at its word."""
    max_iterations: int = 60
    """Rounds of EM at most."""
    tolerance: float = 1e-5
    """Converged when a round moves the posteriors by less on average."""


_DEFAULT = Options()
_FIRST_STEPS, _STEPS = 30, 2
_LONGEST_STEP = 0.3


@dataclass(frozen=True)
class ClassifierTrust:
    """How the classifier's probabilities are read."""

    temperature: float
    """Logarithms of its probabilities are divided by it: above 1 where it is surer than it is right."""
    noise: float
    """Share of items of which it is taken to know nothing, whatever it says."""
    offsets: Floats
    """(classes): what is added to its logarithms, since the classes it was trained on may have other shares."""


@dataclass(frozen=True)
class Combined:
    """A consensus of labelers and classifier."""

    consensus: Consensus
    trust: ClassifierTrust
    log_likelihood: float


def combine(
    table: LabelTable, predictions: Floats, anchors: Codes | None = None, options: Options = _DEFAULT
) -> Combined:
    """Fits labelers and classifier together by expectation maximisation.

    Given the class c of item i, labeler l says k with probability pi^l_ck. The classifier's probabilities f_i are read
    as the class's prior after a correction that is learned as well:

        g_ic = (1 - e) softmax_c(log f_ic / T + b_c) + e / K
        E:  p_ic  proportional to  g_ic  prod over the labels (l, k) of i of  pi^l_ck
        M:  pi: the labelers' confusions, shrunk in two steps: the accuracy towards everybody's, and the matrix towards
                that accuracy with the errors that everybody makes; T, b, e: steps of Newton and EM on the likelihood

    e is what keeps EM honest: a classifier that is certain and often wrong (a tree's leaves) would otherwise explain
    every labeler's dissent as an error. Unlike CROWDLAB's average, evidence multiplies: two labelers who agree
    against a doubtful classifier win. Where no item has two labels, little but the prior tells whether the classifier
    or the labelers are right when they differ.

    Args:
        table: The labels.
        predictions: (items, classes): out-of-sample probabilities of a classifier, rows summing to 1; a row of NaN for
            an item about which it said nothing.
        anchors: The known class of every item, NO_GOLD where there is none.
        options: How.
    """
    labels = _Labels.of(table)
    reading = _Reading.of(predictions, options.floor)
    posterior = _anchored(_start(table, predictions), anchors)
    matrices = _confusions(labels, posterior, options)
    evidence = labels.design @ matrices
    posterior = reading.learn(evidence, anchors, _FIRST_STEPS)
    iteration, converged = 0, False
    while not converged and iteration < options.max_iterations:
        iteration += 1
        matrices = _confusions(labels, posterior, options)
        evidence = labels.design @ matrices
        found = reading.learn(evidence, anchors, _STEPS)
        converged = float(np.abs(found - posterior).mean()) < options.tolerance
        posterior = found
    scores = np.log(reading.priors()) + evidence
    peak = scores.max(axis=1)
    likelihood = float((peak + np.log(np.exp(scores - peak[:, None]).sum(axis=1))).sum())
    size = len(table.labelers), len(table.classes), len(table.classes)
    consensus = Consensus(
        posterior, ByContributions(table, scores, matrices.reshape(size)), NAME, VERSION, iteration, converged
    )
    return Combined(consensus, ClassifierTrust(1 / reading.slope, reading.noise, reading.offsets), likelihood)


@dataclass(frozen=True)
class _Labels:
    design: sparse.csr_matrix
    """(items, labelers x classes said)"""
    transposed: sparse.csr_matrix
    labelers: int

    @classmethod
    def of(cls, table: LabelTable) -> _Labels:
        design = table.design
        if table.weights is not None:
            design = sparse.csr_matrix((table.weights, design.indices, design.indptr), shape=design.shape)
        return cls(design, design.T.tocsr(), len(table.labelers))


@dataclass
class _Reading:
    """The classifier's probabilities and how they are read at the moment."""

    logs: Floats
    """(items, classes): logarithms, each row's mean taken away."""
    silent: Flags
    """(items): no prediction."""
    offsets: Floats
    slope: float = 0.5
    noise: float = 0.1

    @classmethod
    def of(cls, predictions: Floats, floor: float) -> _Reading:
        silent: Flags = np.asarray(np.isnan(predictions).any(axis=1))
        classes = predictions.shape[1]
        given = np.where(silent[:, None], 1 / classes, predictions)
        logs = np.log((given + floor) / (1 + classes * floor))
        return cls(logs - logs.mean(axis=1, keepdims=True), silent, np.zeros(classes))

    def read(self) -> Floats:
        """The probabilities after temperature and offsets, before noise."""
        return _softmax(self.slope * self.logs + self.offsets)

    def priors(self) -> Floats:
        """What the labels are weighed against."""
        return (1 - self.noise) * self.read() + self.noise / len(self.offsets)

    def learn(self, evidence: Floats, anchors: Codes | None, steps: int) -> Floats:
        """Some steps towards the reading that makes the labels likeliest; returns the posterior."""
        posterior = _anchored(_softmax(np.log(self.priors()) + evidence), anchors)
        heard = ~self.silent[:, None]
        for _ in range(steps):
            read = self.read()
            told = posterior * heard * ((1 - self.noise) * read / self.priors())  # where the classifier knew
            share = told.sum(axis=1, keepdims=True)
            mean = (read * self.logs).sum(axis=1)
            slope = float(((told - share * read) * self.logs).sum())
            curvature = float((share[:, 0] * ((read * self.logs**2).sum(axis=1) - mean**2)).sum())
            step = np.clip(slope / (curvature + 1e-9), -_LONGEST_STEP, _LONGEST_STEP)
            self.slope = float(np.clip(self.slope + step, 0.02, 6.0))
            offsets = self.offsets + np.log((told.sum(axis=0) + 1) / ((share * read).sum(axis=0) + 1))
            self.offsets = offsets - offsets.mean()
            missed = float((posterior * heard).sum() - told.sum())
            self.noise = float(np.clip((missed + 1) / (float(heard.sum()) + 10), 1e-3, 0.999))
            posterior = _anchored(_softmax(np.log(self.priors()) + evidence), anchors)
        return posterior


def _start(table: LabelTable, predictions: Floats) -> Floats:
    """Each label one vote, the classifier one more."""
    votes = table.votes + np.nan_to_num(predictions)
    shares: Floats = votes / votes.sum(axis=1, keepdims=True)
    return shares


def _confusions(labels: _Labels, posterior: Floats, options: Options) -> Floats:
    """Logarithms of the confusions, (labelers x classes said, true classes)."""
    classes = posterior.shape[1]
    if classes == 1:
        return np.zeros((labels.labelers, 1))
    counts = (labels.transposed @ posterior).reshape(labels.labelers, classes, classes)
    right, all_labels = np.einsum("lkk->l", counts), counts.sum(axis=(1, 2))
    average = (right.sum() + 7) / (all_labels.sum() + 10)
    accuracy = (right + options.accuracy_labels * average) / (all_labels + options.accuracy_labels)
    errors = (counts.sum(axis=0) + 0.1) * (1 - np.eye(classes))
    errors /= errors.sum(axis=0)
    expected = accuracy[:, None, None] * np.eye(classes) + (1 - accuracy)[:, None, None] * errors
    counts += options.confusion_labels * expected
    logs: Floats = np.log(counts / counts.sum(axis=1, keepdims=True))
    return logs.reshape(-1, classes)


def _softmax(scores: Floats) -> Floats:
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Floats = weights / weights.sum(axis=1, keepdims=True)
    return shares


def _anchored(posterior: Floats, anchors: Codes | None) -> Floats:
    if anchors is not None:
        known = np.flatnonzero(anchors != NO_GOLD)
        posterior[known] = 0.0
        posterior[known, anchors[known]] = 1.0
    return posterior
