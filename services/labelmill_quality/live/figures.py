"""The figures of one feature from what is kept. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.special import ndtri

from labelmill_quality.agreement.krippendorff import Metric, krippendorff_alpha
from labelmill_quality.benchmark.against_gold import NO_ANSWERS
from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import LEVEL, proportion
from labelmill_quality.labelers import NO_OTHERS
from labelmill_quality.live.answers import read_tally
from labelmill_quality.live.state import LiveFeature, LiveLabeler

DISPUTED = 0.25
"""Items with this much disagreement are disputed."""
_NO_CLASSES = "the answers are no single classes"
_NO_SHARED_ITEMS = "no item has labels of two labelers"


@dataclass(frozen=True, slots=True)
class ItemGroup:
    """Items with the same votes."""

    tally: str
    label_count: int
    disagreement: float
    item_count: int


@dataclass(frozen=True)
class LiveFigures:
    """What is told about a feature."""

    label_count: int
    item_count: int
    shared_item_count: int
    disputed_item_count: int
    alpha: Estimate
    item_agreement: Estimate
    benchmark_accuracy: Estimate
    labelers: tuple[LiveLabeler, ...]


def figures(
    feature: LiveFeature,
    groups: Sequence[ItemGroup],
    labelers: Mapping[str, LiveLabeler],
    order: Sequence[str],
    *,
    choice: bool,
    ordered: bool,
    replicates: int,
) -> LiveFigures:
    """The figures.

    Args:
        feature: The feature.
        groups: Its items, those with the same votes in one group.
        labelers: All of its labelers.
        order: The ontology's classes, lowest first where they are ordered.
        choice: Answers are single classes.
        ordered: Those are ordered.
        replicates: Of alpha's bootstrap.
    """
    shared = [group for group in groups if group.label_count >= 2]
    people = tuple(labelers[labeler] for labeler in sorted(labelers))
    return LiveFigures(
        sum(group.label_count * group.item_count for group in groups),
        sum(group.item_count for group in groups if group.label_count),
        sum(group.item_count for group in shared),
        sum(group.item_count for group in shared if group.disagreement >= DISPUTED),
        _alpha(feature, shared, order, ordered, replicates) if choice else _undefined("krippendorff_alpha"),
        _item_agreement(shared),
        _accuracy(people) if choice else _undefined("benchmark_accuracy"),
        people,
    )


def agreement_with_others(labeler: LiveLabeler, method: str) -> Estimate:
    """The share of a labeler's labels that equal the consensus of the others about the item."""
    name = f"agreement_with_others_{method}" if method else "agreement_with_others"
    return proportion(labeler.agreed_count, labeler.compared_count, name, NO_OTHERS)


def benchmark_accuracy(labeler: LiveLabeler) -> Estimate:
    """The share of a labeler's answers about items with gold that are right."""
    return proportion(labeler.right_count, labeler.gold_count, "benchmark_accuracy", NO_ANSWERS)


def _accuracy(labelers: Sequence[LiveLabeler]) -> Estimate:
    right, answers = (sum(getattr(each, name) for each in labelers) for name in ("right_count", "gold_count"))
    return proportion(right, answers, "benchmark_accuracy", NO_ANSWERS)


def _alpha(
    feature: LiveFeature, shared: Sequence[ItemGroup], order: Sequence[str], ordered: bool, replicates: int
) -> Estimate:
    """The same as of a report: the same votes, the columns in the ontology's order, the same seed."""
    names = [*order, *sorted(set(feature.class_names).difference(order))]
    columns = {code: names.index(name) for code, name in enumerate(feature.class_names)}
    votes = [{columns[code]: count for code, count in read_tally(group.tally).items()} for group in shared]
    rows = np.repeat(np.arange(len(votes)), [len(vote) for vote in votes])
    data = np.array([count for vote in votes for count in vote.values()], np.float64)
    cells = (rows, np.array([column for vote in votes for column in vote], np.int64))
    groups = sparse.csr_matrix((data, cells), shape=(len(votes), max(1, len(names))))
    each = np.repeat(np.arange(len(votes)), [group.item_count for group in shared])
    metric = Metric.ORDINAL if ordered else Metric.NOMINAL
    return krippendorff_alpha(groups[each], metric, replicates=replicates, seed=0)


def _item_agreement(shared: Sequence[ItemGroup]) -> Estimate:
    method, interval = "mean_item_agreement", "normal"
    n = sum(group.item_count for group in shared)
    if n == 0:
        return Estimate.undefined(_NO_SHARED_ITEMS, method=method, interval_method=interval)
    mean = sum((1 - group.disagreement) * group.item_count for group in shared) / n
    if n == 1:
        return Estimate(mean, None, None, LEVEL, method, interval, n)
    variance = sum((1 - group.disagreement - mean) ** 2 * group.item_count for group in shared) / (n - 1)
    half = float(ndtri((1 + LEVEL) / 2)) * math.sqrt(variance / n)
    return Estimate(mean, max(0.0, mean - half), min(1.0, mean + half), LEVEL, method, interval, n)


def _undefined(method: str) -> Estimate:
    return Estimate.undefined(_NO_CLASSES, method=method, interval_method="")
