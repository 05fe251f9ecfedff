"""Judging methods without gold: how well each predicts labels that it has not seen. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from labelmill_quality.aggregation import draws
from labelmill_quality.aggregation.consensus import Flags, Floats
from labelmill_quality.labels import LabelTable

SHARE = 0.2
"""Of each item's labels, those that are held out at once."""
_STRENGTH = 4.0
"""Labels of an average labeler that everybody starts with when labels are predicted."""
_ROUNDS = 200
_SETTLED = 1e-6


def hold_out(table: LabelTable, seed: int) -> Flags:
    """Which labels are held out: a random fifth, at least one, of every item with three labels or more."""
    order = np.lexsort((draws.of_labels(table, seed), table.item_codes))
    ranks = np.empty(len(table), np.int64)
    ranks[order] = np.arange(len(table)) - table.offsets[table.item_codes[order]]
    labels = table.labels_per_item[table.item_codes]
    held: Flags = (labels >= 3) & (ranks < np.maximum(1, np.rint(SHARE * labels)))
    return held


def predicted(seen: LabelTable, posterior: Floats, held: LabelTable) -> Floats:
    """The probability of each held-out label, given what a method made of the other labels.

    Every method is asked in the same way: with q its posterior given the labels that it has seen,

        p(labeler l says k about item i) = sum over c of q_ic r^l_ck
        r^l_ck = (n^l_ck + 4 r_ck) / (sum over k of n^l_ck + 4),     r_ck = n_ck / sum over k of n_ck

    n^l_ck counting the labels k of labeler l that have been seen, each shared out over the classes as q is, and n_ck
    those of all labelers and one pseudo-label in each cell of the diagonal. A posterior that is sure of the wrong class
    is punished twice: by q, and by the labelers whom it takes for worse than they are.
    """
    classes = len(seen.classes)
    counts = _counts(seen, posterior)
    average = counts.sum(axis=0) + np.eye(classes)
    average /= average.sum(axis=0)
    counts += _STRENGTH * average
    counts /= counts.sum(axis=1, keepdims=True)
    said = counts[held.labeler_codes, held.class_codes]
    probabilities: Floats = np.einsum("nc,nc->n", posterior[held.item_codes], said)
    return probabilities


def _counts(table: LabelTable, posterior: Floats) -> Floats:
    """(labelers, classes said, true classes)."""
    labelers, classes = len(table.labelers), len(table.classes)
    counts = np.empty((labelers * classes, classes))
    for c in range(classes):
        shares = posterior[table.item_codes, c]
        if table.weights is not None:
            shares = shares * table.weights
        counts[:, c] = np.bincount(table.cells, shares, minlength=labelers * classes)
    return counts.reshape(labelers, classes, classes)


def stacked(probabilities: Floats, pseudo: float) -> npt.NDArray[np.float64]:
    """The weights of methods whose mixture predicts best.

        w = argmax  sum over labels of log( sum over methods of w_m p_m(label) )  +  pseudo * sum of log w_m

    by EM, from equal weights; the objective has one maximum. (Y. Yao, A. Vehtari, D. Simpson and A. Gelman, Using
    Stacking to Average Bayesian Predictive Distributions, Bayesian Analysis 13, 2018.)

    Args:
        probabilities: (labels, methods).
        pseudo: What each method counts beforehand; keeps weights even where there are few labels.
    """
    methods = probabilities.shape[1]
    weights = np.full(methods, 1 / methods)
    for _ in range(_ROUNDS):
        shares = probabilities * weights
        shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-300)
        before, weights = weights, shares.sum(axis=0) + pseudo
        weights /= weights.sum()
        if np.abs(weights - before).max() < _SETTLED:
            break
    return weights


def held_out_predictions(
    table: LabelTable, posteriors: Sequence[Callable[[LabelTable], Floats]], splits: int, seed: int
) -> Floats:
    """(labels, methods): the probability of every held-out label by every method, over all splits.

    Args:
        table: The labels.
        posteriors: Each makes a posterior (items, classes) of a table.
        splits: How many times labels are held out.
        seed: The same seed holds out the same labels.
    """
    probabilities: list[Floats] = [np.empty((0, len(posteriors)))]
    for split in range(splits):
        out = hold_out(table, seed + split)
        if out.any():
            seen, held = table.only(~out), table.only(out)
            columns = [predicted(seen, posterior(seen), held) for posterior in posteriors]
            probabilities.append(np.stack(columns, axis=1))
    return np.concatenate(probabilities)
