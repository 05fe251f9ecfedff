"""Everything that is said of labelers, classes and items at once. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality import aggregation
from labelmill_quality.aggregation.consensus import Consensus
from labelmill_quality.classes import ClassDifficulty, Confused, class_alphas, class_difficulties, most_confused
from labelmill_quality.estimate import Estimate
from labelmill_quality.items import ItemScores, item_scores
from labelmill_quality.labelers.bias import ClassBias, biases
from labelmill_quality.labelers.copying import Similarities, similarities
from labelmill_quality.labelers.others import agreement_with_others
from labelmill_quality.labelers.reference import References, references
from labelmill_quality.labelers.reliability import gold_accuracies, reliabilities
from labelmill_quality.labelers.spammers import SpammerScores, spammer_scores
from labelmill_quality.labelers.times import TimeScores, time_scores
from labelmill_quality.labels import Codes, LabelTable

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Plan:
    """How the analysis is made."""

    method: str = aggregation.DEFAULT
    replicates: int = 200
    seed: int = 0
    min_pair_items: int = 10
    confused_classes: int = 100


@dataclass(frozen=True)
class Analysis:
    """What came of it; sequences follow the table's labelers and classes."""

    table: LabelTable
    consensus: Consensus
    references: References
    gold_accuracies: list[Estimate]
    others: list[Estimate]
    """Agreement with the consensus of the others."""
    reliabilities: list[Estimate]
    biases: list[list[ClassBias]]
    spammers: list[SpammerScores]
    times: list[TimeScores]
    alphas: list[Estimate]
    difficulties: list[ClassDifficulty]
    confused: list[Confused]
    items: ItemScores
    similarities: Similarities


def analyze(
    table: LabelTable, gold: Codes | None, milliseconds: Floats, plan: Plan, task_types: Codes | None = None
) -> Analysis:
    """Analyzes labels.

    Args:
        table: The labels.
        gold: The known class of every item, NO_GOLD where there is none; None without gold.
        milliseconds: (labels): how long each took; NaN where that is not known.
        plan: How.
        task_types: (labels): codes of kinds of tasks; None: all of one kind.
    """
    consensus = aggregation.aggregate(table, plan.method, gold)
    compared = references(table, consensus, gold)
    reliable = reliabilities(compared)
    confusion = compared.counts.sum(axis=0)
    known = np.array([np.nan if each.value is None else each.value for each in reliable])
    return Analysis(
        table,
        consensus,
        compared,
        gold_accuracies(compared),
        agreement_with_others(table, consensus),
        reliable,
        biases(compared),
        spammer_scores(compared, replicates=plan.replicates, seed=plan.seed),
        time_scores(compared, milliseconds, task_types),
        class_alphas(table, replicates=plan.replicates, seed=plan.seed),
        class_difficulties(confusion, seed=plan.seed),
        list(most_confused(confusion, plan.confused_classes)),
        item_scores(table, consensus, known),
        similarities(compared, plan.min_pair_items),
    )
