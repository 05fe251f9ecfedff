"""The quality of answers that are no single classes: everything that a report says, computed in one go. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.special import ndtri

from labelmill_quality.agreement.own_distance import own_distance_alpha
from labelmill_quality.estimate import Estimate
from labelmill_quality.features.kind import Answer, Answers, Floats, Inferred, Kind
from labelmill_quality.intervals import LEVEL
from labelmill_quality.labelers import NO_OTHERS
from labelmill_quality.periods import DAY_MS, Period, width_ms

NO_GOLD_ANSWERS = "no answer about an item with gold"
NO_SHARED_GOLD = "no item with gold was labeled by several labelers"


@dataclass(frozen=True)
class Evidence:
    """What a report is made from."""

    answers: Answers
    """To ordinary tasks."""
    benchmark_answers: Answers
    """To benchmark tasks, and the ordinary ones about items with gold."""
    gold: Mapping[str, Answer]
    latest_ms: Mapping[str, int]
    """Item -> when the last answer about it was given."""


@dataclass(frozen=True)
class LabelerLikeness:
    """How one labeler compares."""

    labeler: str
    label_count: int
    with_gold: Estimate
    with_others: Estimate


@dataclass(frozen=True)
class Scored:
    """What came of it; rows follow `items`."""

    items: tuple[str, ...]
    label_counts: tuple[int, ...]
    disagreement: Floats
    inferred: Inferred
    alpha: Estimate
    benchmark_likeness: Estimate
    consensus_likeness: Estimate
    labelers: tuple[LabelerLikeness, ...]
    periods: tuple[Period, ...]


def score(kind: Kind, evidence: Evidence, *, replicates: int, seed: int) -> Scored:
    """Scores answers, labelers and what is inferred."""
    items = tuple(sorted(evidence.answers))
    others, disagreement = _compared(kind, evidence.answers, items)
    with_gold: dict[str, list[float]] = defaultdict(list)
    for item, by in evidence.benchmark_answers.items():
        for labeler, answer in by.items():
            if item in evidence.gold:
                with_gold[labeler].append(kind.likeness(answer, evidence.gold[item]))
    counts: dict[str, int] = defaultdict(int)
    for by in evidence.answers.values():
        for labeler in by:
            counts[labeler] += 1
    people = sorted({*counts, *with_gold})
    return Scored(
        items,
        tuple(len(evidence.answers[item]) for item in items),
        disagreement,
        kind.infer(evidence.answers),
        _alpha(kind, evidence.answers, items, replicates, seed),
        mean([each for values in with_gold.values() for each in values], "mean_likeness_with_gold", NO_GOLD_ANSWERS),
        _consensus_likeness(kind, evidence),
        tuple(
            LabelerLikeness(
                labeler,
                counts[labeler],
                mean(with_gold[labeler], "mean_likeness_with_gold", NO_GOLD_ANSWERS),
                mean(others[labeler], "mean_likeness_with_others", NO_OTHERS),
            )
            for labeler in people
        ),
        tuple(_periods(kind, evidence, items, replicates, seed)),
    )


def mean(values: Sequence[float], method: str, undefined_reason: str) -> Estimate:
    """A mean of likenesses with its normal interval, in [0, 1]."""
    n = len(values)
    if n == 0:
        return Estimate.undefined(undefined_reason, method=method, interval_method="normal")
    middle = float(np.mean(values))
    if n == 1:
        return Estimate(middle, None, None, LEVEL, method, "normal", n)
    half = float(ndtri((1 + LEVEL) / 2)) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return Estimate(middle, max(0.0, middle - half), min(1.0, middle + half), LEVEL, method, "normal", n)


def _compared(kind: Kind, answers: Answers, items: Sequence[str]) -> tuple[dict[str, list[float]], Floats]:
    """Labeler -> for each shared item, the mean likeness with the others; and (items) one minus that of all pairs."""
    others: dict[str, list[float]] = defaultdict(list)
    disagreement = np.zeros(len(items))
    for row, item in enumerate(items):
        by = sorted(answers[item].items())
        if len(by) < 2:
            continue
        mine: dict[str, list[float]] = defaultdict(list)
        for (one, said), (other, heard) in combinations(by, 2):
            alike = kind.likeness(said, heard)
            mine[one].append(alike)
            mine[other].append(alike)
        for labeler, values in mine.items():
            others[labeler].append(float(np.mean(values)))
        disagreement[row] = 1 - float(np.mean([np.mean(values) for values in mine.values()]))
    return others, np.clip(disagreement, 0.0, 1.0)


def _alpha(kind: Kind, answers: Answers, items: Sequence[str], replicates: int, seed: int) -> Estimate:
    said = [list(answers[item].values()) for item in items]
    return own_distance_alpha(
        said, kind.distances, method=kind.alpha_method, replicates=replicates, seed=seed, sample=kind.sample
    )


def _consensus_likeness(kind: Kind, evidence: Evidence) -> Estimate:
    """How alike to gold is what is inferred from the answers about items with gold; gold plays no part in it."""
    shared = {item: by for item, by in evidence.benchmark_answers.items() if len(by) >= 2 and item in evidence.gold}
    inferred = kind.infer(shared).answers if shared else {}
    values = [kind.likeness(inferred[item], evidence.gold[item]) for item in sorted(inferred)]
    return mean(values, "consensus_likeness_with_gold", NO_SHARED_GOLD)


def _periods(kind: Kind, evidence: Evidence, items: Sequence[str], replicates: int, seed: int) -> list[Period]:
    latest = np.array([evidence.latest_ms.get(item, 0) for item in items], np.int64)
    width = width_ms(latest) if len(latest) else DAY_MS
    numbers = latest // width
    periods = []
    for number in np.unique(numbers).tolist():
        some = [item for item, of in zip(items, numbers.tolist(), strict=True) if of == number]
        labels = sum(len(evidence.answers[item]) for item in some)
        alpha = _alpha(kind, evidence.answers, some, replicates, seed)
        periods.append(Period(number * width, (number + 1) * width, labels, alpha))
    return periods
