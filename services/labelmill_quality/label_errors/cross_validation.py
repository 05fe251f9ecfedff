"""Probabilities of a simple model that has not seen the item, where no better model is at hand. Pure."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from labelmill_quality.label_errors.confident_joint import Codes, Floats

NAME = "cross_validated_logistic_regression"
FOLDS = 5
_ROUNDS = 200


def out_of_fold(features: npt.NDArray[np.float32], labels: Codes, classes: int, *, folds: int, seed: int) -> Floats:
    """(items, classes): what a logistic regression on standardised features says that was fitted to the other folds.

    A class that the other folds do not have gets 0; where they have but one class, that one gets 1.
    """
    fold_of = _folds(labels, folds, seed)
    probabilities = np.zeros((len(labels), classes))
    for fold in range(folds):
        held_out, rest = fold_of == fold, fold_of != fold
        known = np.unique(labels[rest])
        if held_out.any() and len(known) > 1:
            probabilities[np.ix_(held_out, known)] = _predicted(features[rest], labels[rest], features[held_out])
        elif held_out.any():
            probabilities[np.ix_(held_out, known)] = 1.0
    return probabilities


def _folds(labels: Codes, folds: int, seed: int) -> npt.NDArray[np.int64]:
    """The fold of each item: shuffled, and each class spread evenly."""
    shuffled = np.random.default_rng(seed % 2**64).permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    fold_of = np.empty(len(labels), np.int64)
    fold_of[by_class] = np.arange(len(labels)) % folds
    return fold_of


def _predicted(features: Floats, labels: Codes, others: Floats) -> Floats:
    from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-untyped]  # heavy: here, not when the process starts
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    centre, spread = features.mean(axis=0), features.std(axis=0)
    spread[spread == 0] = 1
    model = LogisticRegression(max_iter=_ROUNDS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a fit that is not quite at its end still ranks labels
        model.fit((features - centre) / spread, labels)
    return np.asarray(model.predict_proba((others - centre) / spread), np.float64)
