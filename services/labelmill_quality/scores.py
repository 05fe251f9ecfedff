"""What is said about a labeler and about a class. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality.estimate import Estimate
from labelmill_quality.labelers.spammers import SpammerScores

BENCHMARK = "benchmark"
CONSENSUS = "consensus"


@dataclass(frozen=True)
class Confusion:
    """Rows are the reference's classes, columns the answers."""

    counts: npt.NDArray[np.float64]
    reference: str


@dataclass(frozen=True)
class LabelerScore:
    """How good one labeler is."""

    labeler: str
    label_count: int
    benchmark_accuracy: Estimate
    consensus_agreement: Estimate
    confusion: Confusion
    spammer: SpammerScores | None = None


@dataclass(frozen=True)
class ClassScore:
    """How good the labels of one class are."""

    class_name: str
    consensus_count: int
    benchmark_recall: Estimate
    benchmark_precision: Estimate
    alpha: Estimate
    confusion_entropy: Estimate | None = None
