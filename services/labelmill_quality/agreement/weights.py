"""How much two different classes still agree: the weights of weighted kappas and AC2. Pure."""

from __future__ import annotations

from enum import Enum

import numpy as np
import numpy.typing as npt

from labelmill_quality.errors import BadWeights

Floats = npt.NDArray[np.float64]

_TOLERANCE = 1e-9


class Scheme(Enum):
    """How weights follow from the places v of the classes, between v_min and v_max; 1 for equal classes."""

    IDENTITY = "identity"
    """0 for different ones."""
    LINEAR = "linear"
    """1 - |v_c - v_k| / (v_max - v_min)."""
    QUADRATIC = "quadratic"
    """1 - (v_c - v_k)² / (v_max - v_min)²."""
    RADICAL = "radical"
    """1 - sqrt(|v_c - v_k| / (v_max - v_min))."""
    ORDINAL = "ordinal"
    """1 - M_ck / max M, M_ck being the pairs of classes among those from c to k; by rank alone."""
    CUSTOM = "custom"
    """Given as a matrix."""
    METRIC = "metric"
    """1 less the distance of alpha's metric, over the largest distance."""


def scheme_weights(scheme: Scheme, places: Floats) -> Floats:
    """The (classes, classes) weights of a scheme.

    The definitions are those of K. L. Gwet, Handbook of Inter-Rater Reliability, and of irrCAC; linear and quadratic
    are also scikit-learn's.

    Args:
        scheme: Not CUSTOM or METRIC.
        places: Where the classes lie: their ranks, or the numbers that they are.
    """
    size = len(places)
    span = places.max() - places.min() if size else 0.0
    if scheme is Scheme.IDENTITY or span == 0:
        return np.eye(size)
    if scheme is Scheme.ORDINAL:
        ranks = np.arange(size)
        between = np.abs(ranks[:, None] - ranks)
        return np.asarray(1 - between * (between + 1) / (size * (size - 1)), np.float64)
    apart = np.abs(places[:, None] / span - places / span)
    power = {Scheme.LINEAR: 1.0, Scheme.QUADRATIC: 2.0, Scheme.RADICAL: 0.5}[scheme]
    return np.asarray(1 - apart**power, np.float64)


def custom_weights(values: Floats, classes: int, field: str) -> Floats:
    """Weights given row by row.

    Raises:
        BadWeights: They are not (classes, classes), symmetric, finite, 1 on the diagonal and in [0, 1] beside it.
    """
    matrix = _square(values, classes, field)
    if np.abs(matrix.diagonal() - 1).max(initial=0.0) > _TOLERANCE or matrix.min(initial=0.0) < 0:
        raise BadWeights(field, "must be 1 on the diagonal and between 0 and 1 beside it")
    if matrix.max(initial=0.0) > 1 + _TOLERANCE:
        raise BadWeights(field, "must not be above 1")
    return matrix


def custom_distances(values: Floats, classes: int, field: str) -> Floats:
    """Distances given row by row, for Krippendorff's alpha; used as they are, not squared.

    Raises:
        BadWeights: They are not (classes, classes), symmetric, finite, 0 on the diagonal and at least 0 beside it.
    """
    matrix = _square(values, classes, field)
    if np.abs(matrix.diagonal()).max(initial=0.0) > 0 or matrix.min(initial=0.0) < 0:
        raise BadWeights(field, "must be 0 on the diagonal and at least 0 beside it")
    return matrix


def distance_weights(distances: Floats) -> Floats:
    """The weights that (classes, classes) distances make."""
    largest = float(distances.max(initial=0.0))
    return 1 - distances / largest if largest > 0 else np.ones_like(distances)


def _square(values: Floats, classes: int, field: str) -> Floats:
    if len(values) != classes * classes:
        raise BadWeights(field, f"must have {classes * classes} numbers, the square of the number of classes")
    matrix = np.asarray(values, np.float64).reshape(classes, classes)
    if not np.isfinite(matrix).all():
        raise BadWeights(field, "must be finite")
    if np.abs(matrix - matrix.T).max(initial=0.0) > _TOLERANCE * max(1.0, np.abs(matrix).max(initial=0.0)):
        raise BadWeights(field, "must be symmetric")
    return (matrix + matrix.T) / 2
