"""Answers ScoreBenchmark and StreamScoreBenchmark."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from labelmill.quality.v1 import benchmark_service_pb2 as pb
from labelmill.quality.v1 import labels_pb2
from labelmill.quality.v1.consensus_service_pb2 import AggregateLabelsRequest
from labelmill_quality.benchmark import score_benchmark
from labelmill_quality.benchmark.gold import Gold
from labelmill_quality.benchmark.groups import drifts, grouped
from labelmill_quality.benchmark.judgement import Judgement
from labelmill_quality.benchmark.rules import Rules
from labelmill_quality.benchmark.scoring import judge
from labelmill_quality.convert import scoring
from labelmill_quality.convert.estimates import confusion, estimate
from labelmill_quality.convert.labels import answers
from labelmill_quality.convert.resources import class_quality, labeler
from labelmill_quality.estimate import Estimate
from labelmill_quality.jobs.aggregation import Limits, read_gold, read_labels
from labelmill_quality.labels import LabelTable, gold_codes, make_table
from labelmill_quality.limits import require_room
from labelmill_quality.scores import BENCHMARK, ClassScore, Confusion, LabelerScore
from labelmill_quality.shapes.answers import SingleChoice
from labelmill_quality.shapes.instance import Response, Statements

_NO_CONSENSUS = "no consensus was asked for"


def score_against_gold(body: bytes, cell_limit: int) -> bytes:
    """Answers ScoreBenchmark."""
    request = pb.ScoreBenchmarkRequest.FromString(body)
    rows = answers(request.labels)
    gold_items, gold_classes = [row.item for row in request.gold], [row.class_name for row in request.gold]
    classes = list(request.class_names) or sorted({*rows.classes, *gold_classes})
    table = make_table(rows.items, rows.labelers, rows.classes, class_names=classes)
    response = _scored(table, gold_items, gold_classes, cell_limit)
    if request.HasField("options"):
        judgements, rules = _judged(request), scoring.rules(request.options)
        response.groups.extend(scoring.group_quality(group) for group in grouped(judgements, rules))
        response.drifts.extend(scoring.labeler_drift(drift) for drift in drifts(judgements, rules))
    return response.SerializeToString()


def score_spooled(folder: str, head: bytes, media_type: str, limits: Limits) -> bytes:
    """Answers StreamScoreBenchmark: reads labels and gold from the spool; see `jobs.aggregation.aggregate_labels`."""
    place, header = Path(folder), pb.StreamScoreBenchmarkRequest.Header.FromString(head)
    same = AggregateLabelsRequest.Header(
        class_names=header.class_names, repeat_policy=header.repeat_policy, columns=header.columns
    )
    table, _ = read_labels(place, same, media_type, limits.rows)
    response = pb.StreamScoreBenchmarkResponse(scores=_scored(table, *read_gold(place), limits.cells))
    return response.SerializeToString()


def _scored(
    table: LabelTable, gold_items: Sequence[str], gold_classes: Sequence[str], cell_limit: int
) -> pb.ScoreBenchmarkResponse:
    require_room(table, cell_limit)
    classes = table.classes
    benchmark = score_benchmark(table, gold_codes(table.items, gold_items, gold_classes, classes))
    no_agreement = Estimate.undefined(_NO_CONSENSUS, method="agreement_with_others", interval_method="wilson")
    no_alpha = Estimate.undefined(_NO_CONSENSUS, method="krippendorff_alpha_nominal", interval_method="bootstrap_items")
    labelers = zip(
        table.labelers,
        benchmark.answers_per_labeler.tolist(),
        benchmark.labeler_accuracies(),
        benchmark.labeler_confusions,
        strict=True,
    )
    per_class = zip(classes, benchmark.recalls(), benchmark.precisions(), strict=True)
    return pb.ScoreBenchmarkResponse(
        accuracy=estimate(benchmark.accuracy()),
        labelers=[
            labeler(LabelerScore(name, count, accuracy, no_agreement, Confusion(counts, BENCHMARK)), classes)
            for name, count, accuracy, counts in labelers
        ],
        classes=[
            class_quality(ClassScore(name, 0, recall, precision, no_alpha)) for name, recall, precision in per_class
        ],
        confusion=confusion(Confusion(benchmark.confusion, BENCHMARK), classes),
    )


def _judged(request: pb.ScoreBenchmarkRequest) -> Sequence[Judgement]:
    """The rows as answers to one question, judged."""
    gold = Gold()
    known = [Response(row.item, "", "", SingleChoice(row.class_name)) for row in request.gold]
    gold.add(Statements((), known), field="gold")
    said = [
        Response(row.item, row.labeler, "", SingleChoice(row.class_name), create_ms=_answer_ms(row))
        for row in request.labels
    ]
    return judge(Statements((), said), gold, (), Rules()).judgements


def _answer_ms(row: labels_pb2.LabelRow) -> int | None:
    return row.answer_time.ToMilliseconds() if row.HasField("answer_time") else None
