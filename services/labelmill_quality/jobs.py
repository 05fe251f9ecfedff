"""What runs in the worker process: whole answers, from serialized request to serialized response.

A process, because turning a hundred thousand rows into columns and back is Python code that would hold up the event
loop of all services as much as the mathematics would; bytes in and out, because they cross the border fastest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labelmill.quality.v1 import service_pb2 as pb
from labelmill_quality import aggregation, convert
from labelmill_quality.aggregation.consensus import ConsensusLabels
from labelmill_quality.agreement.distances import numeric_values
from labelmill_quality.agreement.krippendorff import Metric, krippendorff_alpha
from labelmill_quality.benchmark import score_benchmark
from labelmill_quality.errors import ClassOrderMissing
from labelmill_quality.estimate import Estimate
from labelmill_quality.labelers import consensus_confusions
from labelmill_quality.labels import gold_codes, make_table
from labelmill_quality.limits import require_room
from labelmill_quality.report import Evidence, Plan, labeler_scores, make_report
from labelmill_quality.scores import BENCHMARK, ClassScore, Confusion, LabelerScore

_METRICS = {
    pb.ComputeAgreementRequest.METRIC_UNSPECIFIED: Metric.NOMINAL,
    pb.ComputeAgreementRequest.METRIC_NOMINAL: Metric.NOMINAL,
    pb.ComputeAgreementRequest.METRIC_ORDINAL: Metric.ORDINAL,
    pb.ComputeAgreementRequest.METRIC_INTERVAL: Metric.INTERVAL,
}
_DEFAULT_REPLICATES = 1000
_NO_CONSENSUS = "no consensus was asked for"


def score_consensus(body: bytes, cell_limit: int) -> bytes:
    """Answers ScoreConsensus."""
    request = pb.ScoreConsensusRequest.FromString(body)
    rows = convert.answers(request.labels)
    table = make_table(rows.items, rows.labelers, rows.classes, class_names=request.class_names or None)
    require_room(table, cell_limit)
    method = convert.method_name(request.method)
    consensus = aggregation.aggregate(table, method)
    scores = labeler_scores(table, consensus, consensus_confusions(table, consensus.posterior), None)
    response = pb.ScoreConsensusResponse(
        labels=convert.consensus_labels(ConsensusLabels.of(table, consensus), table.classes),
        labelers=[convert.labeler(score, table.classes) for score in scores],
        method=convert.method_number(method),
        method_version=consensus.version,
        iteration_count=consensus.iterations,
        converged=consensus.converged,
    )
    return response.SerializeToString()


def compute_agreement(body: bytes) -> bytes:
    """Answers ComputeAgreement."""
    request = pb.ComputeAgreementRequest.FromString(body)
    metric = _METRICS[request.metric]
    if metric is Metric.ORDINAL and not request.class_names:
        raise ClassOrderMissing
    rows = convert.answers(request.labels)
    values = None
    if metric is Metric.INTERVAL:
        # Checked row by row where there is no list, so that the error can point at the row.
        given = request.class_names or rows.classes
        field = "class_names[{index}]" if request.class_names else "labels[{index}].class_name"
        numbers = dict(zip(given, numeric_values(given, field).tolist(), strict=True))
    table = make_table(rows.items, rows.labelers, rows.classes, class_names=request.class_names or None)
    if metric is Metric.INTERVAL:
        values = np.array([numbers[name] for name in table.classes])
    replicates = request.bootstrap_count or _DEFAULT_REPLICATES
    alpha = krippendorff_alpha(table.sparse_votes, metric, values=values, replicates=replicates, seed=request.seed)
    return pb.ComputeAgreementResponse(alpha=convert.estimate(alpha)).SerializeToString()


def score_against_gold(body: bytes, cell_limit: int) -> bytes:
    """Answers ScoreBenchmark."""
    request = pb.ScoreBenchmarkRequest.FromString(body)
    rows = convert.answers(request.labels)
    gold_items, gold_classes = [row.item for row in request.gold], [row.class_name for row in request.gold]
    classes = list(request.class_names) or sorted({*rows.classes, *gold_classes})
    table = make_table(rows.items, rows.labelers, rows.classes, class_names=classes)
    require_room(table, cell_limit)
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
    response = pb.ScoreBenchmarkResponse(
        accuracy=convert.estimate(benchmark.accuracy()),
        labelers=[
            convert.labeler(LabelerScore(name, count, accuracy, no_agreement, Confusion(counts, BENCHMARK)), classes)
            for name, count, accuracy, counts in labelers
        ],
        classes=[
            convert.class_quality(ClassScore(name, 0, recall, precision, no_alpha))
            for name, recall, precision in per_class
        ],
        confusion=convert.confusion(Confusion(benchmark.confusion, BENCHMARK), classes),
    )
    return response.SerializeToString()


@dataclass(frozen=True)
class ReportHead:
    """What a report is called and about."""

    name: str
    feature: str
    annotation_filter: str


@dataclass(frozen=True)
class ScoredProject:
    """A report in the contract's form, and its consensus labels."""

    body: bytes
    class_names: tuple[str, ...]
    labels: ConsensusLabels


def score_project(evidence: Evidence, plan: Plan, head: ReportHead) -> ScoredProject:
    """Makes a project's report."""
    report = make_report(evidence, plan)
    message = convert.report(
        report,
        method=plan.method,
        name=head.name,
        feature=head.feature,
        annotation_filter=head.annotation_filter,
    )
    labels = ConsensusLabels.of(report.table, report.consensus)
    return ScoredProject(message.SerializeToString(), report.table.classes, labels)
