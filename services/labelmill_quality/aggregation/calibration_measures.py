"""How far posteriors are from probabilities, measured on gold. Pure."""

from __future__ import annotations

import numpy as np

from labelmill_quality.aggregation.consensus import Floats
from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import LEVEL, percentile_interval
from labelmill_quality.labels import Codes

BINS = 10
_REPLICATES = 500
_TINY = 1e-12


def calibration_error(posterior: Floats, gold: Codes, *, seed: int = 0) -> Estimate:
    """The expected calibration error of the likeliest class, with ten bins of equal width, and a bootstrap interval.

        ECE = sum over bins of | sum over its items of (confidence - right) | / items

    (M. Naeini, G. Cooper and M. Hauskrecht, Obtaining Well Calibrated Probabilities Using Bayesian Binning, AAAI 2015.)
    From few items it comes out too large: `expected_by_chance` says by how much.

    Args:
        posterior: (items, classes).
        gold: The right class of each item.
        seed: Of the bootstrap.
    """
    method, interval = "expected_calibration_error_10_bins", f"bootstrap_items_{_REPLICATES}"
    if not len(gold):
        return Estimate.undefined("there is no gold", method=method, interval_method=interval)
    confidence, right = posterior.max(axis=1), posterior.argmax(axis=1) == gold
    value = float(_errors(confidence, right[None, :].astype(np.float64))[0])
    drawn = np.random.default_rng(seed).integers(0, len(gold), (_REPLICATES, len(gold)))
    replicates = np.array([_errors(confidence[rows], right[None, rows].astype(np.float64))[0] for rows in drawn])
    lower, upper = percentile_interval(value, replicates)
    return Estimate(value, lower, upper, LEVEL, method, interval, len(gold))


def expected_by_chance(posterior: Floats, *, seed: int = 0) -> float:
    """The error that perfect probabilities of the same confidence would show on as many items, on average."""
    confidence = posterior.max(axis=1)
    right = np.random.default_rng(seed).random((_REPLICATES, len(confidence))) < confidence
    return float(_errors(confidence, right.astype(np.float64)).mean())


def _errors(confidence: Floats, right: Floats) -> Floats:
    """(replicates), of (items) confidences and (replicates, items) outcomes."""
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    members = np.eye(BINS)[bins]
    errors: Floats = np.abs((confidence - right) @ members).sum(axis=1) / len(confidence)
    return errors


def log_loss(posterior: Floats, gold: Codes) -> float:
    """The mean negative logarithm of the gold class's probability; no item costs more than 27.6."""
    said = posterior[np.arange(len(gold)), gold]
    return float(-np.log(np.maximum(said, _TINY)).mean())


def finds_errors(posterior: Floats, gold: Codes) -> float | None:
    """The probability that a right item is held with more confidence than a wrong one (AUROC); None without both."""
    from scipy.stats import rankdata  # slow to load, and the server does without

    confidence, right = posterior.max(axis=1), posterior.argmax(axis=1) == gold
    wins, wrong = int(right.sum()), int((~right).sum())
    if not wins or not wrong:
        return None
    return float((rankdata(confidence)[right].sum() - wins * (wins + 1) / 2) / (wins * wrong))
