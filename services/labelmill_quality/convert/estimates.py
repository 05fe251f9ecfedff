"""Numbers with their uncertainty as messages."""

from __future__ import annotations

from collections.abc import Sequence

from labelmill.quality.v1 import resources_pb2 as pb
from labelmill_quality.estimate import Estimate
from labelmill_quality.scores import Confusion


def estimate(value: Estimate) -> pb.Estimate:
    """An estimate; what is undefined stays absent."""
    return pb.Estimate(
        value=value.value,
        lower=value.lower,
        upper=value.upper,
        confidence_level=value.level,
        method=value.method,
        interval_method=value.interval_method,
        sample_count=value.n,
        undefined_reason=value.undefined_reason,
    )


def confusion(value: Confusion, classes: Sequence[str]) -> pb.ConfusionMatrix:
    """A confusion matrix."""
    return pb.ConfusionMatrix(class_names=classes, counts=value.counts.ravel(), reference=value.reference)
