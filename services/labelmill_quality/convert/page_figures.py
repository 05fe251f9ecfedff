"""A report's messages as what its page shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from labelmill.quality.v1 import resources_pb2 as pb
from labelmill.type.v1 import annotation_pb2
from labelmill_quality.page.plots import Value

RELIABLE, TENTATIVE = 0.8, 0.667
"""Krippendorff's own limits: rely on what is above the first, conclude tentatively between them (Content Analysis)."""


def value(estimate: pb.Estimate) -> Value:
    """A number with its interval."""
    if not estimate.HasField("value"):
        return Value(None)
    lower = estimate.lower if estimate.HasField("lower") else None
    upper = estimate.upper if estimate.HasField("upper") else None
    return Value(estimate.value, lower, upper if lower is not None else None, estimate.sample_count)


def spoken(estimate: pb.Estimate) -> str:
    """A number with its interval as text, or why there is none."""
    if not estimate.HasField("value"):
        return f"undefined: {estimate.undefined_reason or 'not computed'}"
    if not estimate.HasField("lower"):
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} [{estimate.lower:.3f}, {estimate.upper:.3f}]"


def reading(alpha: pb.Estimate) -> str:
    """What Krippendorff says about such an alpha; careful where its interval crosses a limit."""
    if not alpha.HasField("value"):
        return ""
    if alpha.HasField("lower") and alpha.lower >= RELIABLE:
        return "Reliable: the whole interval is above 0.8."
    if alpha.value >= RELIABLE:
        return "Reliable by its value, but the interval reaches below 0.8."
    if alpha.value >= TENTATIVE:
        return "Between 0.667 and 0.8: good for tentative conclusions."
    return (
        "Below 0.667: too little to rely on; the confusions and the disputed items show what labelers see differently."
    )


def answer(annotation: annotation_pb2.Annotation) -> str:
    """What an annotation says, in few words."""
    said = annotation.classification
    match said.WhichOneof("answer"):
        case "number":
            return f"{said.number:.4g}"
        case "text":
            return said.text
        case "multiple":
            return ", ".join(said.multiple.class_names) or "none of the classes"
        case "single" | "ordinal" as which:
            return str(getattr(said, which))
    kind = (annotation.WhichOneof("value") or "").replace("_", " ")
    return f"{kind} {annotation.class_name}".strip()


def labeler_order(labeler: pb.LabelerQuality) -> tuple[float, str]:
    """The ones who need a look first: by the lower end of accuracy on gold, else of agreement."""
    for estimate in (labeler.benchmark_accuracy, labeler.consensus_agreement):
        if estimate.HasField("value"):
            return (estimate.lower if estimate.HasField("lower") else estimate.value, labeler.labeler)
    return (2.0, labeler.labeler)


@dataclass(frozen=True, slots=True)
class Mixup:
    """How often one class was called another."""

    reference: str
    said: str
    count: float
    share: float
    """Of the answers about the reference's class."""


def worst_confusions(matrix: pb.ConfusionMatrix, most: int) -> list[Mixup]:
    """The commonest confusions, the commonest first."""
    names, size = list(matrix.class_names), len(matrix.class_names)
    found: list[Mixup] = []
    for row, name in enumerate(names):
        line = list(matrix.counts[row * size : (row + 1) * size])
        total = sum(line)
        found += [
            Mixup(name, other, count, count / total)
            for column, (other, count) in enumerate(zip(names, line, strict=True))
            if column != row and count >= 0.5
        ]
    return sorted(found, key=lambda each: (-each.count, each.reference, each.said))[:most]


@dataclass(frozen=True, slots=True)
class Note:
    """Where a figure comes from."""

    figure: str
    method: str
    interval: str
    level: float


def notes(report: pb.QualityReport) -> list[Note]:
    """The methods of all figures, each once."""
    return list(dict.fromkeys(_notes(report)))


def _notes(report: pb.QualityReport) -> Iterator[Note]:
    yield _note("agreement", report.alpha)
    yield _note("accuracy on gold", report.benchmark_accuracy)
    yield _note("accuracy of the consensus", report.consensus_accuracy)
    for labeler in report.labelers[:1]:
        yield _note("labeler: accuracy on gold", labeler.benchmark_accuracy)
        yield _note("labeler: agreement with the others", labeler.consensus_agreement)
        for figure, estimate in (
            ("labeler: spammer score", labeler.spammer_score),
            ("labeler: kappa", labeler.reference_kappa),
            ("labeler: entropy of answers", labeler.answer_entropy),
        ):
            if estimate.method:
                yield _note(figure, estimate)
    for quality in report.classes[:1]:
        yield _note("class: recall", quality.benchmark_recall)
        yield _note("class: precision", quality.benchmark_precision)
        yield _note("class: agreement", quality.alpha)
        yield _note("class: entropy of what is said", quality.confusion_entropy)


def _note(figure: str, estimate: pb.Estimate) -> Note:
    return Note(figure, estimate.method, estimate.interval_method, estimate.confidence_level)
