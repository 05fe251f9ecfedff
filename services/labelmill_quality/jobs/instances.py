"""Answers AggregateAnnotations, its stream, and ComputeInstanceAgreement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from google.protobuf.message import Message

from labelmill.quality.v1 import instances_service_pb2 as pb
from labelmill.type.v1 import annotation_pb2
from labelmill_quality.convert import instances as convert
from labelmill_quality.convert.estimates import estimate
from labelmill_quality.estimate import Estimate
from labelmill_quality.instances.aggregate import Outcome, aggregate
from labelmill_quality.instances.agreement import (
    Resampling,
    classes_alpha,
    shapes_alpha,
    stretches_alpha,
    stretches_gamma,
)
from labelmill_quality.instances.drawn import require_reach
from labelmill_quality.instances.errors import SeveralFeatures
from labelmill_quality.instances.seen import Seen
from labelmill_quality.jobs.frames import read_frames, write_frames
from labelmill_quality.shapes.instance import Instance

_Statistic = pb.ComputeInstanceAgreementRequest
_REPLICATES = 1000
_BATCH = 500
"""Objects in a message of a stream, unless they are large."""


class _Sent:
    """What was sent, gathered message by message."""

    def __init__(self) -> None:
        self.instances: list[Instance] = []
        self.repaired: dict[str, list[int]] = {}
        self.views: list[tuple[str, str]] = []
        self.gold: list[Instance] = []
        self.gold_items: set[str] = set()

    def add(self, messages: Sequence[annotation_pb2.Annotation], field: str) -> None:
        """Annotations; indices count on."""
        first = len(self.instances)
        found = convert.drawn(messages, field=field, first=first)
        self.instances += found.instances
        for index in found.repaired:
            self.repaired.setdefault(self.instances[index].feature, []).append(index)

    def add_gold(self, message: pb.InstanceGold, field: str) -> None:
        """True objects."""
        self.gold += convert.gold(message.annotations, field=f"{field}.annotations", first=len(self.gold)).instances
        self.gold_items.update(message.assets)

    def outcomes(self, options: pb.AggregationOptions, cell_limit: int) -> list[Outcome]:
        """What comes of it."""
        plan = convert.plan(options, cell_limit)
        return aggregate(self.instances, self.views, plan, self.gold, frozenset(self.gold_items))


def aggregate_annotations(body: bytes, cell_limit: int) -> bytes:
    """Answers AggregateAnnotations."""
    request = pb.AggregateAnnotationsRequest.FromString(body)
    sent = _Sent()
    sent.add(request.annotations, "annotations")
    sent.views += convert.views(request.views)
    sent.add_gold(request.gold, "gold")
    outcomes = sent.outcomes(request.options, cell_limit)
    response = pb.AggregateAnnotationsResponse(
        instances=[message for outcome in outcomes for message in convert.instances(outcome)],
        features=[convert.summary(outcome, sent.repaired.get(outcome.feature, ())) for outcome in outcomes],
    )
    return response.SerializeToString()


def aggregate_stream(requests: Path, answers: Path, options: bytes, max_bytes: int, cell_limit: int) -> None:
    """Answers StreamAggregateAnnotations, from a file of requests after the header to a file of responses."""
    sent = _Sent()
    for frame in read_frames(requests):
        request = pb.StreamAggregateAnnotationsRequest.FromString(frame)
        if request.HasField("gold"):
            sent.add_gold(request.gold, "gold")
        else:
            sent.add(request.batch.annotations, "batch.annotations")
            sent.views += convert.views(request.batch.views)
    outcomes = sent.outcomes(pb.AggregationOptions.FromString(options), cell_limit) if sent.instances else []
    responses = _responses(outcomes, sent, max_bytes // 2)
    write_frames(answers, (response.SerializeToString() for response in responses))


def compute_agreement(body: bytes, cell_limit: int) -> bytes:
    """Answers ComputeInstanceAgreement."""
    request = pb.ComputeInstanceAgreementRequest.FromString(body)
    found = convert.drawn(request.annotations, field="annotations").instances
    for instance in found:
        if instance.feature != found[0].feature:
            raise SeveralFeatures(f"annotations[{instance.index}]")
    require_reach(found)
    views = [*convert.views(request.views), *((instance.item, instance.labeler) for instance in found)]
    value, count = _agreement(request, found, Seen.of(views), cell_limit)
    response = pb.ComputeInstanceAgreementResponse(agreement=estimate(value), unit_count=count)
    return response.SerializeToString()


def _agreement(
    request: pb.ComputeInstanceAgreementRequest, found: Sequence[Instance], seen: Seen, cell_limit: int
) -> tuple[Estimate, float]:
    resampling = Resampling(request.bootstrap_count or _REPLICATES, request.seed)
    if request.statistic == _Statistic.STATISTIC_ALPHA_CLASSES:
        return classes_alpha(found, seen, convert.plan(request.options, cell_limit).options, resampling)
    lengths = {message.asset: message.length for message in request.lengths}
    if request.statistic in (_Statistic.STATISTIC_ALPHA_LINE, _Statistic.STATISTIC_ALPHA_LINE_COVERED):
        classes = request.statistic == _Statistic.STATISTIC_ALPHA_LINE
        return stretches_alpha(found, seen, lengths, resampling, classes=classes)
    if request.statistic == _Statistic.STATISTIC_GAMMA:
        return stretches_gamma(found, seen, lengths, resampling)
    return shapes_alpha(found, seen, resampling)


def _responses(outcomes: Sequence[Outcome], sent: _Sent, max_bytes: int) -> Iterator[Message]:
    batch, size = pb.StreamAggregateAnnotationsResponse(), 0
    for outcome in outcomes:
        for message in convert.instances(outcome):
            more = message.ByteSize()
            if len(batch.batch.instances) == _BATCH or (size and size + more > max_bytes):
                yield batch
                batch, size = pb.StreamAggregateAnnotationsResponse(), 0
            batch.batch.instances.append(message)
            size += more
    if size:
        yield batch
    for outcome in outcomes:
        repaired = sent.repaired.get(outcome.feature, ())
        yield pb.StreamAggregateAnnotationsResponse(feature=convert.summary(outcome, repaired))
