"""Reports, labelers, classes and consensus labels as messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from labelmill.quality.v1 import resources_pb2 as pb
from labelmill.type.v1 import annotation_pb2, erasure_pb2
from labelmill_quality import aggregation
from labelmill_quality.aggregation.consensus import ConsensusLabels
from labelmill_quality.convert.estimates import confusion, estimate
from labelmill_quality.errors import MethodMissing
from labelmill_quality.periods import Period
from labelmill_quality.ports import StoredLabel
from labelmill_quality.report import Report
from labelmill_quality.scores import ClassScore, LabelerScore

_PREFIX = "CONSENSUS_METHOD_"


def method_name(method: pb.ConsensusMethod.ValueType) -> str:
    """The domain's name of a method; raises MethodMissing."""
    if not method:
        return aggregation.DEFAULT
    name = pb.ConsensusMethod.Name(method).removeprefix(_PREFIX).lower()
    if name not in aggregation.METHODS:
        raise MethodMissing(name)
    return name


def method_number(name: str) -> pb.ConsensusMethod.ValueType:
    """The contract's number of a method."""
    return pb.ConsensusMethod.Value(_PREFIX + name.upper())


def labeler(score: LabelerScore, classes: Sequence[str]) -> pb.LabelerQuality:
    """A labeler's score."""
    message = pb.LabelerQuality(
        labeler=score.labeler,
        label_count=score.label_count,
        benchmark_accuracy=estimate(score.benchmark_accuracy),
        consensus_agreement=estimate(score.consensus_agreement),
        confusion=confusion(score.confusion, classes),
    )
    if score.spammer is not None:
        message.spammer_score.CopyFrom(estimate(score.spammer.raykar_yu))
        message.reference_kappa.CopyFrom(estimate(score.spammer.kappa_with_reference))
        message.answer_entropy.CopyFrom(estimate(score.spammer.answer_entropy))
    return message


def class_quality(score: ClassScore) -> pb.ClassQuality:
    """A class's score."""
    return pb.ClassQuality(
        class_name=score.class_name,
        consensus_count=score.consensus_count,
        benchmark_recall=estimate(score.benchmark_recall),
        benchmark_precision=estimate(score.benchmark_precision),
        alpha=estimate(score.alpha),
        confusion_entropy=None if score.confusion_entropy is None else estimate(score.confusion_entropy),
    )


def stored_label(label: StoredLabel, classes: Sequence[str]) -> pb.ConsensusLabel:
    """A kept consensus label."""
    message = _consensus_label(
        label.item, label.winner, label.posterior, label.label_count, label.agreement, label.tied, classes
    )
    message.disagreement = label.disagreement
    message.annotations.extend(annotation_pb2.Annotation.FromString(said) for said in label.annotations)
    return message


def consensus_labels(labels: ConsensusLabels, classes: Sequence[str]) -> list[pb.ConsensusLabel]:
    """A whole consensus."""
    rows = zip(
        labels.items,
        labels.winners.tolist(),
        labels.posterior.tolist(),
        labels.label_counts.tolist(),
        labels.agreement.tolist(),
        labels.tied.tolist(),
        strict=True,
    )
    return [
        _consensus_label(item, winner, posterior, label_count, agreement, tied, classes)
        for item, winner, posterior, label_count, agreement, tied in rows
    ]


def report(
    value: Report, *, kind: int, method: str, name: str, feature: str, annotation_filter: str
) -> pb.QualityReport:
    """A report, but for its time."""
    classes = value.table.classes
    return pb.QualityReport(
        feature_kind=kind,  # type: ignore[arg-type]
        periods=[period(each) for each in value.periods],
        consensus_note=value.consensus.note,
        name=name,
        feature=feature,
        annotation_filter=annotation_filter,
        consensus_method=method_number(method),
        method_version=value.consensus.version,
        label_count=len(value.table),
        item_count=len(value.table.items),
        alpha=estimate(value.alpha),
        benchmark_accuracy=estimate(value.benchmark_accuracy),
        consensus_accuracy=estimate(value.consensus_accuracy),
        labelers=[labeler(score, classes) for score in value.labelers],
        classes=[class_quality(score) for score in value.classes],
        benchmark_confusion=confusion(value.benchmark_confusion, classes),
        consensus_confusion=confusion(value.consensus_confusion, classes),
        iteration_count=value.consensus.iterations,
        converged=value.consensus.converged,
    )


def period(value: Period) -> pb.PeriodQuality:
    """Agreement in a stretch of time."""
    message = pb.PeriodQuality(label_count=value.label_count, alpha=estimate(value.alpha))
    message.start_time.FromMilliseconds(value.start_ms)
    message.end_time.FromMilliseconds(value.end_ms)
    return message


def _consensus_label(
    item: str,
    winner: int,
    posterior: Sequence[float],
    label_count: int,
    agreement: float,
    tied: bool,
    classes: Sequence[str],
) -> pb.ConsensusLabel:
    return pb.ConsensusLabel(
        item=item,
        class_name=classes[winner] if classes else "",
        distribution=[
            annotation_pb2.ClassProbability(class_name=name, probability=probability)
            for name, probability in zip(classes, posterior, strict=True)
        ],
        label_count=label_count,
        agreement=agreement,
        tied=tied,
    )


def erased(project: str, removed: Mapping[str, int], report_count: int) -> erasure_pb2.EraseAssetsResponse:
    """What an erasure removed, and the reports whose figures stay: which of them counted the assets is not kept."""
    response = erasure_pb2.EraseAssetsResponse(removed_counts=removed)
    if report_count:
        response.kept.add(item=f"projects/{project}/qualityReports", reason="QUALITY_REPORT", count=report_count)
    return response
