"""How well labelers agree, as messages."""

from __future__ import annotations

from collections.abc import Sequence

from labelmill.quality.v1 import agreement_service_pb2 as pb
from labelmill.quality.v1 import resources_pb2
from labelmill_quality.agreement.breakdown import PairScores, Window
from labelmill_quality.convert.estimates import estimate
from labelmill_quality.estimate import Estimate


def class_agreements(
    classes: Sequence[str], label_counts: Sequence[int], rows: Sequence[Sequence[Estimate]]
) -> list[pb.ClassAgreement]:
    """The classes' coefficients."""
    return [
        pb.ClassAgreement(class_name=name, label_count=count, coefficients=map(estimate, row))
        for name, count, row in zip(classes, label_counts, rows, strict=True)
    ]


def pair_agreements(scores: PairScores, labelers: Sequence[str]) -> list[resources_pb2.PairAgreement]:
    """The pairs' coefficients."""
    pairs = zip(scores.first.tolist(), scores.second.tolist(), scores.agreed, strict=True)
    return [
        resources_pb2.PairAgreement(
            first_labeler=labelers[first],
            second_labeler=labelers[second],
            agreement=estimate(agreed),
            coefficients=[estimate(column[place]) for column in scores.estimates],
        )
        for place, (first, second, agreed) in enumerate(pairs)
    ]


def window(value: Window) -> pb.AgreementWindow:
    """A stretch of time."""
    message = pb.AgreementWindow(label_count=value.label_count, coefficients=map(estimate, value.estimates))
    message.start_time.FromMilliseconds(value.start_ms)
    message.end_time.FromMilliseconds(value.end_ms)
    return message
