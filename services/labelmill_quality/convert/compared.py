"""The quality of answers that are no single classes as messages."""

from __future__ import annotations

from labelmill.quality.v1 import resources_pb2 as pb
from labelmill_quality.convert.estimates import estimate
from labelmill_quality.convert.resources import period
from labelmill_quality.features.scored import LabelerLikeness, Scored


def report(scored: Scored, *, kind: int) -> pb.QualityReport:
    """A report, but for its name and time."""
    inferred = scored.inferred
    named = f"What is inferred: by {inferred.method}, version {inferred.version}." if inferred.method else ""
    return pb.QualityReport(
        feature_kind=kind,  # type: ignore[arg-type]
        method_version=inferred.version,
        consensus_note=" ".join(part for part in (named, inferred.note) if part),
        iteration_count=inferred.iterations,
        converged=inferred.converged,
        label_count=sum(scored.label_counts),
        item_count=len(scored.items),
        alpha=estimate(scored.alpha),
        benchmark_accuracy=estimate(scored.benchmark_likeness),
        consensus_accuracy=estimate(scored.consensus_likeness),
        labelers=[_labeler(each) for each in scored.labelers],
        periods=[period(each) for each in scored.periods],
    )


def _labeler(value: LabelerLikeness) -> pb.LabelerQuality:
    return pb.LabelerQuality(
        labeler=value.labeler,
        label_count=value.label_count,
        benchmark_accuracy=estimate(value.with_gold),
        consensus_agreement=estimate(value.with_others),
    )
