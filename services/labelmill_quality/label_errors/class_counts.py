"""How many labels each class has, and which are too rare. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import proportion
from labelmill_quality.label_errors.confident_joint import Codes

RARE = 0.1
"""A class is rare below this part of an equal share."""


@dataclass(frozen=True)
class ClassCount:
    """The labels of one class."""

    label_count: int
    share: Estimate
    rare: bool


def class_counts(labels: Codes, classes: int) -> list[ClassCount]:
    """Every class, in order."""
    total = len(labels)
    return [
        ClassCount(
            count,
            proportion(count, total, "class_share", "there are no labels"),
            count < RARE * total / max(classes, 1),
        )
        for count in np.bincount(labels, minlength=classes).tolist()
    ]
