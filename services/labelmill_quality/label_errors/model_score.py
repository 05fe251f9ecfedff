"""A model scored against gold, and against labelers as one more of them. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality import aggregation
from labelmill_quality.aggregation import dawid_skene
from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import percentile_interval, proportion, resampling_weights
from labelmill_quality.label_errors.confident_joint import Codes, Floats
from labelmill_quality.labels import NO_GOLD, LabelTable

_BINS = 10
_REPLICATES = 1000
_NO_GOLD = "no predicted item has gold"
_NO_LABELS = "no predicted item has labels of which the consensus is one class"
_NO_PROBABILITIES = "there are no probabilities of items with gold"


@dataclass(frozen=True)
class Reliability:
    """How often a labeler says the true class, as one of several."""

    model: Estimate
    best: Estimate
    median: Estimate


def accuracy(predicted: Codes, gold: Codes) -> Estimate:
    """Share of items with gold that are predicted right, Wilson."""
    known = gold != NO_GOLD
    right = int((predicted[known] == gold[known]).sum())
    return proportion(right, int(known.sum()), "accuracy_on_gold", _NO_GOLD)


def consensus_agreement(predicted: Codes, consensus: Codes) -> Estimate:
    """The same with the consensus of labelers, NO_GOLD where there is none."""
    known = consensus != NO_GOLD
    same = int((predicted[known] == consensus[known]).sum())
    return proportion(same, int(known.sum()), "agreement_with_consensus", _NO_LABELS)


def consensus_kappa(predicted: Codes, consensus: Codes, classes: int, seed: int = 0) -> Estimate:
    """Cohen's kappa of model and consensus, bootstrap over items; undefined where both say one class only."""
    known = consensus != NO_GOLD
    method, interval = "cohen_kappa_with_consensus", f"bootstrap_items_{_REPLICATES}"
    cells = predicted[known].astype(np.int64) * classes + consensus[known]
    counts = np.bincount(cells, minlength=classes**2)
    occupied = np.flatnonzero(counts)
    if not len(occupied):
        return Estimate.undefined(_NO_LABELS, method=method, interval_method=interval)
    rows, columns = np.divmod(occupied, classes)
    value = float(_kappa(counts[occupied][None, :].astype(np.float64), rows, columns, classes)[0])
    if not np.isfinite(value):
        return Estimate.undefined(
            "model and consensus say one class only", method=method, interval_method=interval, n=int(known.sum())
        )
    weights = resampling_weights(counts[occupied], _REPLICATES, seed)
    replicates = np.concatenate([_kappa(chunk, rows, columns, classes) for chunk in weights])
    lower, upper = percentile_interval(value, replicates)
    return Estimate(value, lower, upper, 0.95, method, interval, int(known.sum()))


def reliability(table: LabelTable, model: str) -> Reliability:
    """Of the model and the other labelers of a table, by Dawid and Skene's model: sum over c of p_c pi_cc.

    The interval is Wilson's for as many labels as the labeler gave: it knows nothing of the doubt about true classes.
    """
    consensus = aggregation.aggregate(table, dawid_skene.NAME)
    own = consensus.posterior[table.item_codes, table.class_codes]
    sums = np.bincount(table.labeler_codes, own, minlength=len(table.labelers))
    counts = np.bincount(table.labeler_codes, minlength=len(table.labelers))
    found = [
        proportion(float(min(right, n)), int(n), "dawid_skene_reliability", "it labeled nothing")
        for right, n in zip(sums, counts, strict=True)
    ]
    place = list(table.labelers).index(model)
    others = sorted((one for at, one in enumerate(found) if at != place and one.n), key=lambda one: one.value or 0.0)
    nobody = proportion(0, 0, "dawid_skene_reliability", "there are no labelers")
    if not others:
        return Reliability(nobody, nobody, nobody)
    return Reliability(found[place], others[-1], others[(len(others) - 1) // 2])


def calibration_error(probabilities: Floats | None, gold: Codes, seed: int = 0) -> Estimate:
    """The mean gap of confidence and accuracy over 10 bins, on items with gold, bootstrap."""
    method = f"expected_calibration_error_{_BINS}_bins"
    known = gold != NO_GOLD
    if probabilities is None or not known.any():
        return Estimate.undefined(_NO_PROBABILITIES, method=method, interval_method=f"bootstrap_items_{_REPLICATES}")
    confidence, right = probabilities[known].max(axis=1), probabilities[known].argmax(axis=1) == gold[known]
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = np.zeros((len(bins), _BINS))
    gaps[np.arange(len(bins)), bins] = right - confidence

    def statistic(weights: Floats) -> Floats:
        return np.asarray(np.abs(weights @ gaps).sum(axis=1) / weights.sum(axis=1), np.float64)

    return _bootstrapped(statistic, len(bins), method, seed)


def log_loss(probabilities: Floats | None, gold: Codes, seed: int = 0) -> Estimate:
    """The mean of minus the logarithm of the probability of the gold class, at least 1e-12, bootstrap."""
    known = gold != NO_GOLD
    if probabilities is None or not known.any():
        return Estimate.undefined(
            _NO_PROBABILITIES, method="log_loss", interval_method=f"bootstrap_items_{_REPLICATES}"
        )
    own = probabilities[known][np.arange(int(known.sum())), gold[known]]
    losses = -np.log(np.maximum(own, 1e-12))

    def statistic(weights: Floats) -> Floats:
        return np.asarray(weights @ losses / weights.sum(axis=1), np.float64)

    return _bootstrapped(statistic, len(losses), "log_loss", seed)


def _bootstrapped(statistic: Callable[[Floats], Floats], items: int, method: str, seed: int) -> Estimate:
    value = float(statistic(np.ones((1, items)))[0])
    weights = resampling_weights(np.ones(items, np.int64), _REPLICATES, seed)
    replicates = np.concatenate([statistic(chunk) for chunk in weights])
    lower, upper = percentile_interval(value, replicates)
    return Estimate(value, lower, upper, 0.95, method, f"bootstrap_items_{_REPLICATES}", items)


def _kappa(counts: Floats, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp], classes: int) -> Floats:
    """(replicates) of counts (replicates, occupied cells)."""
    totals = counts.sum(axis=1)
    observed = counts[:, rows == columns].sum(axis=1) / totals
    first, second = np.eye(classes)[rows], np.eye(classes)[columns]
    expected = ((counts @ first) * (counts @ second)).sum(axis=1) / totals**2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(expected < 1, (observed - expected) / (1 - expected), np.nan)
