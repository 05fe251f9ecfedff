"""Existence posteriors made probabilities, by gold. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

Floats = npt.NDArray[np.float64]

LEAST = 20
"""Judged objects below which nothing is called calibrated."""
_EDGE = 1e-6


@dataclass(frozen=True, slots=True)
class Calibration:
    """p = 1 / (1 + exp(-(shift + slope logit(posterior))))."""

    shift: float
    slope: float
    n: int
    """Objects it rests on."""

    def apply(self, posterior: Floats) -> Floats:
        """Calibrated probabilities."""
        calibrated: Floats = expit(self.shift + self.slope * _logit(posterior))
        return calibrated


def calibrate(posterior: Floats, real: npt.NDArray[np.bool_]) -> Calibration | None:
    """Platt's scaling (1999) of logits, with a Gaussian prior of standard deviation 1 about leaving them as they are.

    None with fewer than 20 objects.
    """
    if len(real) < LEAST:
        return None
    from scipy.optimize import minimize

    logits, start = _logit(posterior), np.array([0.0, 1.0])

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = weights[0] + weights[1] * logits
        off = expit(scores) - real
        value = np.logaddexp(0, scores).sum() - scores[real].sum() + ((weights - start) ** 2).sum() / 2
        return float(value), np.array([off.sum(), off @ logits]) + weights - start

    shift, slope = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(None, None), (0, None)]).x
    return Calibration(float(shift), float(slope), len(real))


def _logit(posterior: Floats) -> Floats:
    inside = np.clip(posterior, _EDGE, 1 - _EDGE)
    return np.log(inside) - np.log1p(-inside)
