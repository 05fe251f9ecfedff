"""Existence posteriors made probabilities, by gold. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

Floats = npt.NDArray[np.float64]

LEAST = 20
"""Judged objects below which nothing is called calibrated."""
_ROUNDS = 50
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
    design = np.column_stack([np.ones(len(real)), _logit(posterior)])
    start = np.array([0.0, 1.0])
    weights = start.copy()
    for _ in range(_ROUNDS):
        chance = expit(design @ weights)
        gradient = design.T @ (real - chance) - (weights - start)
        hessian = (design * (chance * (1 - chance))[:, None]).T @ design + np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        weights = weights + step
        if np.abs(step).max() < 1e-9:
            break
    return Calibration(float(weights[0]), float(max(weights[1], 0.0)), len(real))


def _logit(posterior: Floats) -> Floats:
    inside = np.clip(posterior, _EDGE, 1 - _EDGE)
    return np.log(inside) - np.log1p(-inside)
