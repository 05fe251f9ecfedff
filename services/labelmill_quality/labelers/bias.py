"""Which classes a labeler says more, or less, often than the items ask for. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import LEVEL
from labelmill_quality.labelers.reference import References

Floats = npt.NDArray[np.float64]

METHOD = "class_bias"
PAIRED = "paired_normal"


@dataclass(frozen=True)
class ClassBias:
    """How one labeler uses one class."""

    class_code: int
    said_share: float
    """Share of the compared labels that say it."""
    reference_share: float
    """Share of their references that are it."""
    difference: Estimate
    """The one less the other."""


def biases(references: References, level: float = LEVEL) -> list[list[ClassBias]]:
    """For each labeler, the bias about each class that they said, or that their items had by reference.

    Over a labeler's n compared labels, with the said class x and its reference y, the difference for class c is the
    mean of [x = c] - [y = c]; its interval is the normal one of paired differences (their variance is McNemar's:
    (n_said + n_reference - 2 n_both) / n less the squared mean, over n). 0 is inside where the surplus may be chance.
    """
    counts = references.counts
    said, asked = counts.sum(axis=1), counts.sum(axis=2)
    both = np.diagonal(counts, axis1=1, axis2=2)
    total = counts.sum(axis=(1, 2))
    z = float(ndtri((1 + level) / 2))
    found: list[list[ClassBias]] = []
    for labeler, n in enumerate(total):
        row: list[ClassBias] = []
        for code in np.flatnonzero(said[labeler] + asked[labeler]):
            share, reference = said[labeler, code] / n, asked[labeler, code] / n
            mean = float(share - reference)
            variance = (share + reference - 2 * both[labeler, code] / n - mean**2) / n
            half = z * float(np.sqrt(max(variance, 0.0)))
            # All labels equal to their references show no spread: that is no proof that there is none.
            lower, upper = (mean - half, mean + half) if half > 0 else (None, None)
            estimate = Estimate(mean, lower, upper, level, METHOD, PAIRED, int(n))
            row.append(ClassBias(int(code), float(share), float(reference), estimate))
        found.append(row)
    return found
