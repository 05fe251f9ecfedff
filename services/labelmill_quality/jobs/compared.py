"""Makes the report of a feature whose answers are no single classes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labelmill.quality.v1 import resources_pb2 as pb
from labelmill.type.v1 import annotation_pb2
from labelmill_quality.aggregation.consensus import ConsensusLabels
from labelmill_quality.convert.annotations import annotation, statements
from labelmill_quality.convert.compared import report
from labelmill_quality.features import FEATURES
from labelmill_quality.features.kind import Answer
from labelmill_quality.features.scored import Evidence, Scored, score
from labelmill_quality.jobs.projects import ReportHead, ScoredProject
from labelmill_quality.ports import NewLabels, Statement
from labelmill_quality.report import Plan
from labelmill_quality.shapes.instance import Instance, Response

_REPLICATES = 500
"""Of alpha's bootstrap at most: a replicate costs more than that of classes."""


@dataclass(frozen=True)
class Statements:
    """What a report is made from, as it was read."""

    labels: Sequence[Statement]
    benchmark: Sequence[Statement]
    gold: Mapping[str, Sequence[bytes]]
    views: Sequence[tuple[str, str]]
    """(item, labeler) of those who saw an item in an ordinary task; whoever said something about it saw it."""
    benchmark_views: Sequence[tuple[str, str]]


def score_compared(said: Statements, kind: int, plan: Plan, head: ReportHead) -> ScoredProject:
    """Makes a project's report of one feature."""
    evidence = _evidence(said)
    scored = score(FEATURES[kind], evidence, replicates=min(plan.replicates, _REPLICATES), seed=plan.seed)
    message: pb.QualityReport = report(scored, kind=kind)
    message.name, message.feature, message.annotation_filter = head.name, head.feature, head.annotation_filter
    return ScoredProject(message.SerializeToString(), (), _labels(scored))


def _evidence(said: Statements) -> Evidence:
    labels = _answers(said.labels, said.views)
    benchmark = _answers(said.benchmark, said.benchmark_views)
    gold = {item: _decoded(some) for item, some in said.gold.items()}
    for item in gold:
        for labeler, answer in labels.get(item, {}).items():
            benchmark.setdefault(item, {})[labeler] = answer
    latest: dict[str, int] = {}
    for each in said.labels:
        latest[each.item] = max(each.time_ms, latest.get(each.item, 0))
    return Evidence(labels, benchmark, gold, latest)


def _answers(some: Iterable[Statement], views: Iterable[tuple[str, str]]) -> dict[str, dict[str, Answer]]:
    found: dict[str, dict[str, list[bytes]]] = defaultdict(lambda: defaultdict(list))
    for item, labeler in views:
        found[item][labeler] = []
    for each in some:
        found[each.item][each.labeler].append(each.annotation)
    return {item: {labeler: _decoded(said) for labeler, said in by.items()} for item, by in found.items()}


def _decoded(annotations: Iterable[bytes]) -> Answer:
    """What annotations say, in their order."""
    found = statements([annotation_pb2.Annotation.FromString(each) for each in annotations])
    both: list[Instance | Response] = [*found.instances, *found.responses]
    return tuple(sorted(both, key=lambda each: each.index))


def _labels(scored: Scored) -> NewLabels:
    """Consensus labels without classes: what was inferred lies in their annotations."""
    count = len(scored.items)
    columns = ConsensusLabels(
        scored.items,
        np.zeros(count, np.int32),
        np.zeros((count, 0)),
        np.array(scored.label_counts, np.int64),
        1 - scored.disagreement,
        np.zeros(count, np.bool_),
    )
    inferred = scored.inferred.answers
    annotations = [[annotation(each).SerializeToString() for each in inferred.get(item, ())] for item in scored.items]
    return NewLabels(columns, scored.disagreement, annotations)
