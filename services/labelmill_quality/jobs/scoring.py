"""Answers ScoreAnnotations, and the steps of StreamScoreAnnotations."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from labelmill.quality.v1 import benchmark_service_pb2 as pb
from labelmill.quality.v1 import scoring_pb2
from labelmill_quality.benchmark.gold import Gold
from labelmill_quality.benchmark.groups import drifts, grouped
from labelmill_quality.benchmark.judgement import Judgement
from labelmill_quality.benchmark.precision import source_precisions
from labelmill_quality.benchmark.rules import Mode, Rules
from labelmill_quality.benchmark.scoring import VERSION, Judged, judge
from labelmill_quality.convert import scoring as convert
from labelmill_quality.shapes.instance import Instance, Response, Statements

_GOLD = "gold.annotations"


def score_annotations(body: bytes) -> bytes:
    """Answers ScoreAnnotations."""
    request = pb.ScoreAnnotationsRequest.FromString(body)
    rules = convert.rules(request.options)
    gold = Gold()
    gold.add(convert.gold(request.gold.annotations, field=_GOLD), request.gold.empty_items, field=_GOLD)
    said = convert.said(request.annotations, field="annotations")
    asked = _asked(request.gold)
    judged = judge(said, gold, asked, rules)
    response = _scores(judged, said.repaired)
    if rules.mode is Mode.COCO:
        precisions = source_precisions(said, gold, asked, rules)
        response.average_precisions.extend(convert.average_precision(precision) for precision in precisions)
    response.MergeFrom(_summary(judged.judgements, rules))
    return response.SerializeToString()


@dataclass(frozen=True)
class GoldParts:
    """Gold of a stream, in pieces that the server keeps without looking into them."""

    items: Mapping[str, bytes]
    """What is right about each item."""
    shape_features: frozenset[str]
    asked: Sequence[tuple[str, str]]
    count: int
    """Annotations."""


def split_gold(body: bytes, first: int) -> GoldParts:
    """Reads a message of gold whose first annotation is the stream's number `first`."""
    message = scoring_pb2.GoldSet.FromString(body)
    statements = convert.gold(message.annotations, field=_GOLD, first=first)
    by_item: dict[str, tuple[list[Instance], list[Response]]] = {item: ([], []) for item in message.empty_items}
    for instance in statements.instances:
        by_item.setdefault(instance.item, ([], []))[0].append(instance)
    for response in statements.responses:
        by_item.setdefault(response.item, ([], []))[1].append(response)
    return GoldParts(
        {item: pickle.dumps(Statements(*parts)) for item, parts in by_item.items()},
        frozenset(instance.feature for instance in statements.instances),
        _asked(message),
        len(message.annotations),
    )


@dataclass(frozen=True)
class BatchOfGold:
    """The gold that one batch needs."""

    items: Mapping[str, Sequence[bytes]]
    shape_features: frozenset[str]
    asked: Sequence[tuple[str, str]]
    """Of whom there is nothing in any batch."""


def score_batch(body: bytes, first: int, gold_of_batch: BatchOfGold, options: bytes) -> tuple[bytes, bytes]:
    """The answer to a batch that begins with the stream's annotation number `first`; its judgements for the summary."""
    batch = pb.StreamScoreAnnotationsRequest.Batch.FromString(body)
    said = convert.said(batch.annotations, field="batch.annotations", first=first)
    gold = Gold(shape_features=set(gold_of_batch.shape_features))
    for item, parts in gold_of_batch.items.items():
        for part in parts:
            gold.add(pickle.loads(part), [item], field=_GOLD)  # noqa: S301 - made by split_gold
    judged = judge(said, gold, gold_of_batch.asked, convert.rules(_options(options)))
    return _scores(judged, said.repaired).SerializeToString(), pickle.dumps(judged.judgements)


def summarize(batches: Sequence[bytes], options: bytes) -> bytes:
    """The summary over the judgements of all batches."""
    judgements = [one for batch in batches for one in pickle.loads(batch)]  # noqa: S301 - made by score_batch
    return _summary(judgements, convert.rules(_options(options))).SerializeToString()


def _options(body: bytes) -> scoring_pb2.ScoringOptions:
    return scoring_pb2.ScoringOptions.FromString(body)


def _asked(message: scoring_pb2.GoldSet) -> list[tuple[str, str]]:
    return [(asked.item, asked.labeler) for asked in message.asked]


def _scores(judged: Judged, repaired: Iterable[int]) -> pb.ScoreAnnotationsResponse:
    return pb.ScoreAnnotationsResponse(
        scores=[convert.annotation_score(judgement) for judgement in judged.judgements],
        item_scores=convert.item_scores(judged.item_scores),
        repaired_indices=repaired,
        method_version=VERSION,
    )


def _summary(judgements: Sequence[Judgement], rules: Rules) -> pb.ScoreAnnotationsResponse:
    return pb.ScoreAnnotationsResponse(
        groups=[convert.group_quality(group) for group in grouped(judgements, rules)],
        drifts=[convert.labeler_drift(drift) for drift in drifts(judgements, rules)],
        method_version=VERSION,
    )
