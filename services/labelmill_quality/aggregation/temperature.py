"""One temperature makes posteriors as sure as they are right. Pure."""

from __future__ import annotations

import numpy as np

from labelmill_quality.labels import Codes, Floats

LEAST_GOLD = 20
"""Items with gold from which on a temperature is fitted."""
_COLDEST, _HOTTEST = 0.25, 8.0
_TINY = 1e-12


def fit_temperature(posterior: Floats, gold: Codes) -> float:
    """The temperature at which the gold is likeliest.

    (C. Guo, G. Pleiss, Y. Sun and K. Weinberger, On Calibration of Modern Neural Networks, ICML 2017.)

    Args:
        posterior: (gold items, classes): inferred without their gold.
        gold: Their classes.
    """
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(gold))

    def loss(log_temperature: float) -> float:
        shares = tempered(posterior, float(np.exp(log_temperature)))
        return -float(np.log(np.maximum(shares[rows, gold], _TINY)).mean())

    found = minimize_scalar(loss, bounds=(np.log(_COLDEST), np.log(_HOTTEST)), method="bounded")
    return float(np.exp(found.x))


def tempered(posterior: Floats, temperature: float) -> Floats:
    """The posteriors at that temperature: above 1 less sure, below 1 surer."""
    logs = np.log(np.maximum(posterior, _TINY)) / temperature
    shares = np.exp(logs - logs.max(axis=1, keepdims=True))
    scaled: Floats = shares / shares.sum(axis=1, keepdims=True)
    return scaled
