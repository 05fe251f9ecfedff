"""Average precision of each labeler or model, with intervals. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from labelmill_quality.average_precision.evaluation import KEYPOINTS, Evaluation
from labelmill_quality.average_precision.instances import SourceEvaluation, evaluate_instances
from labelmill_quality.benchmark.gold import Gold
from labelmill_quality.benchmark.rules import Rules
from labelmill_quality.estimate import Estimate
from labelmill_quality.intervals import LEVEL, percentile_interval, resampling_weights
from labelmill_quality.shapes.instance import Instance, Statements

NOTHING_TO_FIND = "gold has nothing of this to find"
NO_INTERVAL = "none"
_MOST_STEPS = 300_000_000
"""Detections times thresholds times replicates at most: a second or two."""
_FEWEST_REPLICATES = 100


@dataclass(frozen=True)
class PrecisionFigure:
    """One of COCO's figures."""

    figure_name: str
    class_name: str
    """Empty for the mean over classes."""
    value: Estimate


@dataclass(frozen=True)
class SourcePrecision:
    """COCO's figures of one source and feature."""

    labeler: str
    feature: str
    figures: Sequence[PrecisionFigure]
    unranked: int


def source_precisions(
    statements: Statements, gold: Gold, asked: Iterable[tuple[str, str]], rules: Rules
) -> list[SourcePrecision]:
    """The figures of each source and feature of shapes that have them.

    A source is measured on all benchmark items, as COCO does, unless `asked` names items of it: then on those, and
    those that it says something about.
    """
    found: dict[tuple[str, str], list[Instance]] = defaultdict(list)
    for instance in statements.instances:
        if instance.item in gold.items and instance.feature in gold.shape_features:
            found[instance.feature, instance.labeler].append(instance)
    items_asked: dict[str, set[str]] = defaultdict(set)
    for item, labeler in asked:
        items_asked[labeler].add(item)
    precisions = []
    for feature, labeler in sorted(found):
        said = found[feature, labeler]
        items = gold.items
        if labeler in items_asked:
            items = items & (items_asked[labeler] | {one.item for one in said})
        precision = _of_source(labeler, feature, said, gold, sorted(items), rules)
        if precision is not None:
            precisions.append(precision)
    return precisions


def _of_source(
    labeler: str, feature: str, said: Sequence[Instance], gold: Gold, items: Sequence[str], rules: Rules
) -> SourcePrecision | None:
    there = [one for item in items for one in gold.shapes.get((item, feature), ())]
    replicates = _replicates(len(said), rules) if len(items) > 1 else 0
    drawn = resampling_weights(np.ones(len(items), np.int64), replicates, rules.seed)
    resamples = [row for chunk in drawn for row in chunk]
    found = evaluate_instances(there, said, items, rules.measures, resamples)
    if found is None:
        return None
    return SourcePrecision(labeler, feature, list(_figures(found, len(items), replicates)), found.unranked)


def _replicates(detections: int, rules: Rules) -> int:
    affordable = _MOST_STEPS // (max(detections, 1) * 10)
    return min(rules.bootstrap_count, max(affordable, _FEWEST_REPLICATES))


def _figures(found: SourceEvaluation, items: int, replicates: int) -> Iterator[PrecisionFigure]:
    evaluation = found.evaluation
    yield PrecisionFigure("AP", "", _precision(evaluation, items, replicates))
    for name, value in _overall(evaluation):
        yield PrecisionFigure(name, "", _plain(name, value, items))
    for code, class_name in enumerate(found.classes):
        value = evaluation.average_precision(class_=code)
        yield PrecisionFigure("AP", class_name, _plain("AP", value, items))


def _overall(evaluation: Evaluation) -> Iterator[tuple[str, float]]:
    sizes = [(name[0], name) for name in evaluation.design.area_names[1:]]
    yield "AP50", evaluation.average_precision(0.5)
    yield "AP75", evaluation.average_precision(0.75)
    yield from ((f"AP{letter}", evaluation.average_precision(area=name)) for letter, name in sizes)
    if evaluation.design is KEYPOINTS:
        yield "AR", evaluation.average_recall()
        yield "AR50", evaluation.average_recall(threshold=0.5)
        yield "AR75", evaluation.average_recall(threshold=0.75)
    else:
        for most in evaluation.design.most_detections:
            yield f"AR{most}", evaluation.average_recall(most_detections=most)
    yield from ((f"AR{letter}", evaluation.average_recall(area=name)) for letter, name in sizes)


def _precision(evaluation: Evaluation, items: int, replicates: int) -> Estimate:
    value, method = evaluation.average_precision(), f"bootstrap_items_{replicates}"
    if np.isnan(value) or not replicates:
        return _plain("AP", value, items)
    lower, upper = percentile_interval(value, evaluation.replicates)
    return Estimate(value, lower, upper, LEVEL, "coco_AP", method, items)


def _plain(name: str, value: float, items: int) -> Estimate:
    method = f"coco_{name}"
    if np.isnan(value):
        return Estimate.undefined(NOTHING_TO_FIND, method=method, interval_method=NO_INTERVAL)
    return Estimate(value, None, None, LEVEL, method, NO_INTERVAL, items)
