"""What each cluster is: the answers of its members, aggregated like labels of items. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelmill_quality import aggregation
from labelmill_quality.instances.clustering import Clusters
from labelmill_quality.labels import NO_GOLD, Codes, LabelTable
from labelmill_quality.limits import require_room
from labelmill_quality.shapes.answers import (
    Answer,
    FreeText,
    MultipleChoice,
    Number,
    OrdinalChoice,
    SingleChoice,
)
from labelmill_quality.shapes.instance import Instance

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rules:
    """How classes are aggregated."""

    method: str
    cell_limit: int


@dataclass(frozen=True)
class Classed:
    """The class of every cluster."""

    classes: tuple[str, ...]
    posterior: Floats
    """(clusters, classes)"""
    method: str
    version: str
    note: str = ""
    """What a reader should know of it, such as what `auto` mixed."""


def infer_classes(
    class_codes: Integers,
    labelers: Integers,
    labeler_names: Sequence[str],
    classes: Sequence[str],
    clusters: Clusters,
    rules: Rules,
    anchors: Codes | None = None,
) -> Classed:
    """The class of every cluster, by a method of `aggregation` with clusters as items.

    Args:
        class_codes: (rows,): what each member called it.
        labelers: (rows,): who.
        labeler_names: All labelers.
        classes: All classes.
        clusters: Of rows.
        rules: How.
        anchors: (clusters,): the class by gold, NO_GOLD where there is none.
    """
    if len(classes) < 2:
        ones = np.ones((len(clusters), len(classes)))
        return Classed(tuple(classes), ones, "unanimous", "1")
    table = _table(class_codes, labelers, labeler_names, classes, clusters)
    require_room(table, rules.cell_limit)
    some_gold = anchors is not None and bool((anchors != NO_GOLD).any())
    consensus = aggregation.aggregate(table, rules.method, anchors if some_gold else None)
    return Classed(tuple(classes), consensus.posterior, consensus.method, consensus.version, consensus.note)


def _table(
    class_codes: Integers,
    labelers: Integers,
    labeler_names: Sequence[str],
    classes: Sequence[str],
    clusters: Clusters,
) -> LabelTable:
    rows, owner = clusters.members, clusters.cluster_of_member
    order = np.lexsort((labelers[rows], owner))
    return LabelTable(
        range(len(clusters)),  # type: ignore[arg-type]  # clusters have numbers for names
        tuple(labeler_names),
        tuple(classes),
        owner[order].astype(np.int32),
        labelers[rows][order].astype(np.int32),
        class_codes[rows][order].astype(np.int32),
    )


def infer_attributes(
    instances: Sequence[Instance], labelers: Integers, labeler_names: Sequence[str], clusters: Clusters, rules: Rules
) -> list[list[tuple[str, Answer]]]:
    """The attributes of every cluster, ordered by name: each a question of its own, answered by those members who
    answered it.

    Single and ordinal choices by `aggregation`; of multiple choices the classes that more than half of them chose;
    numbers by the median; texts by the one that is least far from all others (Levenshtein).
    """
    found: list[list[tuple[str, Answer]]] = [[] for _ in range(len(clusters))]
    answers: dict[str, list[tuple[int, int, Answer]]] = {}
    for row, cluster in zip(clusters.members.tolist(), clusters.cluster_of_member.tolist(), strict=True):
        for name, answer in dict(instances[row].attributes).items():
            answers.setdefault(name, []).append((cluster, row, answer))
    for name in sorted(answers):
        chosen = [entry for entry in answers[name] if isinstance(entry[2], SingleChoice | OrdinalChoice)]
        if chosen:
            for cluster, answer in _choices(chosen, labelers, labeler_names, rules):
                found[cluster].append((name, answer))
        for cluster, others in _others(answers[name]).items():
            found[cluster].append((name, _merged(others)))
    return found


def _choices(
    entries: Sequence[tuple[int, int, Answer]], labelers: Integers, labeler_names: Sequence[str], rules: Rules
) -> list[tuple[int, Answer]]:
    said = [answer.class_name for _, _, answer in entries if isinstance(answer, SingleChoice | OrdinalChoice)]
    classes = sorted(set(said))
    code = {name: number for number, name in enumerate(classes)}
    codes = np.array([code[name] for name in said], np.int64)
    who = labelers[np.array([row for _, row, _ in entries])]
    owners = [cluster for cluster, _, _ in entries]
    groups = Clusters.of(np.array(owners, np.int64))
    result = infer_classes(codes, who, labeler_names, classes, groups, rules)
    ordinal = isinstance(entries[0][2], OrdinalChoice)
    merged: list[tuple[int, Answer]] = []
    for group, shares in enumerate(result.posterior.tolist()):
        winner = classes[int(np.argmax(shares))]
        distribution = tuple(zip(classes, shares, strict=True))
        answer = OrdinalChoice(winner, distribution) if ordinal else SingleChoice(winner, distribution)
        merged.append((owners[groups.members[groups.starts[group]]], answer))
    return merged


def _others(entries: Sequence[tuple[int, int, Answer]]) -> dict[int, list[Answer]]:
    groups: dict[int, list[Answer]] = {}
    for cluster, _, answer in entries:
        if not isinstance(answer, SingleChoice | OrdinalChoice):
            groups.setdefault(cluster, []).append(answer)
    return groups


def _merged(answers: Sequence[Answer]) -> Answer:
    numbers = [answer.value for answer in answers if isinstance(answer, Number)]
    if numbers:
        return Number(float(np.median(numbers)))
    texts = [answer.text for answer in answers if isinstance(answer, FreeText)]
    if texts:
        return FreeText(_medoid(texts))
    chosen = [answer.class_names for answer in answers if isinstance(answer, MultipleChoice)]
    counts = Counter(name for names in chosen for name in names)
    shares = tuple((name, counts[name] / len(chosen)) for name in sorted(counts))
    return MultipleChoice(frozenset(name for name, share in shares if share > 0.5), shares)


def _medoid(texts: Sequence[str]) -> str:
    from rapidfuzz.distance import Levenshtein

    return min(sorted(set(texts)), key=lambda one: sum(Levenshtein.distance(one, other) for other in texts))
