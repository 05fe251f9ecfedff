"""Figures that are kept current as messages."""

from __future__ import annotations

from labelmill.quality.v1 import live_service_pb2 as pb
from labelmill.quality.v1 import resources_pb2
from labelmill.type.v1 import annotation_pb2
from labelmill_quality.convert.estimates import estimate
from labelmill_quality.live.figures import LiveFigures, agreement_with_others, benchmark_accuracy
from labelmill_quality.live.judging import method
from labelmill_quality.live.refitting import Difference
from labelmill_quality.live.state import LiveFeature, LiveItem, LiveLabeler

_LEAST_PROBABILITY = 0.001


def feature_quality(feature: LiveFeature, figures: LiveFigures) -> pb.FeatureQuality:
    """The figures of a feature."""
    consensus_method, version = method(len(feature.class_names)) if feature.is_choice else ("", "")
    message = pb.FeatureQuality(
        feature=feature.feature,
        kind=feature.kind,  # type: ignore[arg-type]
        label_count=figures.label_count,
        item_count=figures.item_count,
        shared_item_count=figures.shared_item_count,
        disputed_item_count=figures.disputed_item_count,
        alpha=estimate(figures.alpha),
        item_agreement=estimate(figures.item_agreement),
        benchmark_accuracy=estimate(figures.benchmark_accuracy),
        labelers=[_labeler(labeler, consensus_method) for labeler in figures.labelers],
        consensus_method=consensus_method,
        method_version=version,
        labels_since_refit=feature.labels_since_refit,
    )
    if feature.last_refit:
        message.last_refit.ParseFromString(feature.last_refit)
    return message


def item_quality(item: LiveItem, feature: LiveFeature, next_label_gain: float | None) -> pb.ItemQuality:
    """What is known about an item."""
    posterior = item.posterior.tolist()
    said = item.labels if feature.is_choice else dict.fromkeys(item.sets, "")
    return pb.ItemQuality(
        item=item.item,
        label_count=item.label_count,
        class_name=feature.class_names[int(item.posterior.argmax())] if posterior else "",
        distribution=[
            annotation_pb2.ClassProbability(class_name=name, probability=share)
            for name, share in zip(feature.class_names, posterior, strict=False)
            if share >= _LEAST_PROBABILITY
        ],
        disagreement=item.disagreement,
        uncertainty=item.uncertainty,
        answers=[pb.ItemAnswer(labeler=labeler, class_name=name) for labeler, name in said.items()],
        gold_class_name=item.gold,
        next_label_gain=next_label_gain,
    )


def refit(feature: str, difference: Difference, end_ms: int) -> pb.Refit:
    """What a refit changed."""
    message = pb.Refit(
        feature=feature,
        label_count=difference.label_count,
        item_count=difference.item_count,
        changed_item_count=difference.changed_item_count,
        repaired_item_count=difference.repaired_item_count,
        mean_posterior_change=difference.mean_posterior_change,
        labelers=[
            pb.LabelerChange(labeler=each.labeler, reliability_before=each.before, reliability=each.now)
            for each in difference.labelers
        ],
    )
    message.end_time.FromMilliseconds(end_ms)
    return message


def _labeler(labeler: LiveLabeler, consensus_method: str) -> resources_pb2.LabelerQuality:
    return resources_pb2.LabelerQuality(
        labeler=labeler.labeler,
        label_count=labeler.label_count,
        benchmark_accuracy=estimate(benchmark_accuracy(labeler)),
        consensus_agreement=estimate(agreement_with_others(labeler, consensus_method)),
    )
