"""What generalization costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labelmill_anonymization.tables.measure import Ints


@dataclass(frozen=True, slots=True)
class UtilityLoss:
    """See labelmill.anonymization.v1.UtilityLoss."""

    average_class_size: float
    """C_avg = rows / (classes * k), LeFevre et al., ICDE 2006; 1 is ideal."""
    discernibility: float
    """Sum of squared class sizes, Bayardo and Agrawal, ICDE 2005."""
    certainty_penalty: float
    """GCP, the mean of the columns' NCP; Xu et al., KDD 2006."""


def utility_loss(classes: Ints, k: int, penalties: Sequence[float]) -> UtilityLoss:
    """The loss of classes that were made for `k`, given each quasi-identifier's certainty penalty."""
    sizes = np.bincount(classes).astype(np.float64)
    return UtilityLoss(
        average_class_size=float(len(classes) / (len(sizes) * k)),
        discernibility=float(np.square(sizes).sum()),
        certainty_penalty=float(np.mean(penalties)) if penalties else 0.0,
    )
