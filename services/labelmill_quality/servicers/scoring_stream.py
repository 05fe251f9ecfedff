"""A stream of annotations to score: what is remembered between its messages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence

from labelmill.quality.v1 import benchmark_service_pb2 as pb
from labelmill.quality.v1 import scoring_pb2
from labelmill_quality.benchmark.errors import ItemSplit, ModeNotOffered, StreamSequence, StreamTooLong
from labelmill_quality.convert.annotations import labeler_of
from labelmill_quality.jobs import scoring as jobs
from labelmill_quality.servicers.computed import Computing

MAX_ANNOTATIONS = 1_000_000
_SILENT_AT_ONCE = 1_000


class ScoringStream:
    """Scores batch after batch; gold and judgements are kept as bytes of the worker's, some 100 for each annotation."""

    def __init__(self, computing: Computing, options: scoring_pb2.ScoringOptions) -> None:
        if options.mode == scoring_pb2.MATCHING_MODE_COCO:
            raise ModeNotOffered
        self._computing = computing
        self._options = options.SerializeToString()
        self._gold: dict[str, list[bytes]] = defaultdict(list)
        self._shape_features: frozenset[str] = frozenset()
        self._asked: set[tuple[str, str]] = set()
        self._seen: set[tuple[str, str]] = set()
        self._gold_count = 0
        self._count = 0
        self._judgements: list[bytes] = []

    async def answers(
        self, requests: AsyncIterator[pb.StreamScoreAnnotationsRequest]
    ) -> AsyncIterator[pb.StreamScoreAnnotationsResponse]:
        """An answer for each batch, some for those who were asked and said nothing, and the summary."""
        async for request in requests:
            if request.HasField("gold") and not self._seen:
                await self._add_gold(request.gold)
            elif request.HasField("batch"):
                yield pb.StreamScoreAnnotationsResponse(batch=await self._score(request.batch))
            else:
                raise StreamSequence
        silent, nothing = sorted(self._asked - self._seen), pb.StreamScoreAnnotationsRequest.Batch()
        for start in range(0, len(silent), _SILENT_AT_ONCE):
            part = silent[start : start + _SILENT_AT_ONCE]
            yield pb.StreamScoreAnnotationsResponse(batch=await self._score(nothing, part))
        summary = await self._computing.answer(
            pb.ScoreAnnotationsResponse, jobs.summarize, self._judgements, self._options
        )
        yield pb.StreamScoreAnnotationsResponse(summary=summary)

    async def _add_gold(self, message: scoring_pb2.GoldSet) -> None:
        parts = await self._computing.call(jobs.split_gold, message.SerializeToString(), self._gold_count)
        for item, part in parts.items.items():
            self._gold[item].append(part)
        self._shape_features |= parts.shape_features
        self._asked.update(parts.asked)
        self._gold_count += parts.count
        self._require_room()

    async def _score(
        self, batch: pb.StreamScoreAnnotationsRequest.Batch, silent: Sequence[tuple[str, str]] = ()
    ) -> pb.ScoreAnnotationsResponse:
        pairs = {(message.asset, labeler_of(message)) for message in batch.annotations}
        if pairs & self._seen:
            raise ItemSplit
        items = {item for item, _ in (*pairs, *silent)} & self._gold.keys()
        gold = jobs.BatchOfGold({item: self._gold[item] for item in items}, self._shape_features, silent)
        first, self._count = self._count, self._count + len(batch.annotations)
        self._require_room()
        self._seen |= pairs
        body = batch.SerializeToString()
        answer, judgements = await self._computing.call(jobs.score_batch, body, first, gold, self._options)
        self._judgements.append(judgements)
        return pb.ScoreAnnotationsResponse.FromString(self._computing.fitting(answer))

    def _require_room(self) -> None:
        if self._count + self._gold_count > MAX_ANNOTATIONS:
            raise StreamTooLong(MAX_ANNOTATIONS)
