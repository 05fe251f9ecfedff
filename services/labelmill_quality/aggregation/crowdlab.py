"""CROWDLAB: a classifier's probabilities and the labelers' votes, averaged with weights. Pure."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from labelmill_quality.aggregation.consensus import Consensus
from labelmill_quality.aggregation.leave_one_out import ByContributions
from labelmill_quality.labels import Floats, LabelTable

NAME = "crowdlab"
VERSION = "1"
_LEAST_WEIGHT = 1e-6


def combine(table: LabelTable, predictions: Floats) -> Consensus:
    """Averages a classifier with the labelers.

    With J_i the labelers of item i, p_M the classifier, w_M and w_j weights, and P the share of labels that agree with
    the majority (mean over the items with several):

        p_ic = (w_M p_M(c | x_i) + sum over j in J_i of w_j q_ijc) / (w_M + sum over j in J_i of w_j)
        q_ijc = P where j said c, (1 - P) / (K - 1) elsewhere
        w_j = 1 - (1 - s_j) / (1 - A),   w_M = (1 - (1 - A_M) / (1 - A)) sqrt(mean number of labels)

    s_j is how often j agrees with other labelers on the same items, A_M and A how often the classifier and the
    commonest class agree with the majority, ties broken by the classifier, over the items with several labels.

    (H. W. Goh, U. Tkachenko, J. Mueller, CROWDLAB: Supervised learning to infer consensus labels and quality scores
    for data with multiple annotators, 2022.)

    Args:
        table: The labels.
        predictions: (items, classes): out-of-sample probabilities of a classifier, rows summing to 1.
    """
    votes, counts = table.votes, table.votes.sum(axis=1)
    items, classes = votes.shape
    tied = votes >= votes.max(axis=1, keepdims=True)
    majority = np.where(tied, 1 + predictions, 0).argmax(axis=1)
    several = counts > 1
    if not several.any():  # nobody can be compared with anybody: all count the same
        several = np.ones(items, bool)
    agreeing = float(np.mean((votes[np.arange(items), majority] / counts)[several]))
    base = 1 - float(np.bincount(majority[several]).max()) / float(several.sum())
    model_error = 1 - float(np.mean((predictions.argmax(axis=1) == majority)[several]))
    weights = _weight(1 - _agreement(table, votes, counts), base)
    model_weight = float(_weight(np.array(model_error), base)) * float(np.sqrt(counts.mean()))
    rest = (1 - agreeing) / (classes - 1) if classes > 1 else 0.0
    said = np.repeat(weights, classes)
    totals = model_weight + table.design @ said
    spread = rest * (table.design @ said)
    sums = sparse.csr_matrix((weights[table.labeler_codes], table.class_codes, table.offsets), shape=votes.shape)
    scores = model_weight * predictions + spread[:, None] + (agreeing - rest) * sums.toarray()
    contributions = weights[:, None, None] * ((agreeing - rest) * np.eye(classes) + rest)
    others = ByContributions(table, scores, contributions)
    return Consensus(scores / totals[:, None], others, NAME, VERSION)


def _agreement(table: LabelTable, votes: Floats, counts: Floats) -> Floats:
    """For each labeler, the share of pairs with other labelers on the same item that agree; the mean where none."""
    others = counts[table.item_codes] - 1
    agreeing = votes[table.item_codes, table.class_codes] - 1
    sums = np.bincount(table.labeler_codes, agreeing, minlength=len(table.labelers))
    pairs = np.bincount(table.labeler_codes, others, minlength=len(table.labelers))
    mean = sums.sum() / pairs.sum() if pairs.sum() else 1.0
    shares: Floats = np.divide(sums, pairs, out=np.full(len(sums), mean), where=pairs > 0)
    return shares


def _weight(error: Floats, base: float) -> Floats:
    """How much better than always saying the commonest class."""
    return np.maximum(1 - error / base if base > 0 else np.ones_like(error), _LEAST_WEIGHT)
