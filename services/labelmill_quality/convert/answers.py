"""Numbers and texts as columns, and their consensus as messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from labelmill.quality.v1 import answers_service_pb2 as pb
from labelmill.quality.v1 import labels_pb2
from labelmill_quality.convert.estimates import estimate
from labelmill_quality.errors import WrongAnswerKind
from labelmill_quality.numeric.consensus import NumericConsensus
from labelmill_quality.numeric.table import Floats, NumberTable
from labelmill_quality.text_answers.consensus import TextConsensus
from labelmill_quality.text_answers.table import TextTable
from labelmill_quality.text_answers.units import Comparison, Unit

Number = pb.AggregateNumbersRequest
Text = pb.AggregateTextsRequest

NUMBER_METHODS = {
    Number.METHOD_UNSPECIFIED: "labeler_model",
    Number.METHOD_MEAN: "mean",
    Number.METHOD_WEIGHTED_MEAN: "weighted_mean",
    Number.METHOD_MEDIAN: "median",
    Number.METHOD_TRIMMED_MEAN: "trimmed_mean",
    Number.METHOD_HUBER: "huber",
    Number.METHOD_LABELER_MODEL: "labeler_model",
}
TEXT_METHODS = {
    Text.METHOD_UNSPECIFIED: "rover",
    Text.METHOD_MEDOID: "medoid",
    Text.METHOD_ROVER: "rover",
}
_UNITS = {
    Text.UNIT_UNSPECIFIED: Unit.WORD,
    Text.UNIT_WORD: Unit.WORD,
    Text.UNIT_CHARACTER: Unit.CHARACTER,
}


@dataclass(frozen=True)
class Numbers:
    """Rows of numbers as columns."""

    items: list[str] = field(default_factory=list)
    labelers: list[str] = field(default_factory=list)
    numbers: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Texts:
    """Rows of texts as columns."""

    items: list[str] = field(default_factory=list)
    labelers: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


def numbers(rows: Iterable[labels_pb2.LabelRow]) -> Numbers:
    """Rows whose answers are numbers.

    Raises:
        WrongAnswerKind: A row's answer is none.
    """
    columns = Numbers()
    for row in _of_kind(rows, "number"):
        columns.items.append(row.item)
        columns.labelers.append(row.labeler)
        columns.numbers.append(row.number)
    return columns


def texts(rows: Iterable[labels_pb2.LabelRow]) -> Texts:
    """Rows whose answers are texts.

    Raises:
        WrongAnswerKind: A row's answer is none.
    """
    columns = Texts()
    for row in _of_kind(rows, "text"):
        columns.items.append(row.item)
        columns.labelers.append(row.labeler)
        columns.texts.append(row.text)
    return columns


def _of_kind(rows: Iterable[labels_pb2.LabelRow], kind: str) -> Iterator[labels_pb2.LabelRow]:
    for place, row in enumerate(rows):
        if row.WhichOneof("answer") != kind:
            raise WrongAnswerKind(f"labels[{place}].{row.WhichOneof('answer')}", kind)
        yield row


def comparison(request: pb.AggregateTextsRequest) -> Comparison:
    """How texts are compared."""
    return Comparison(_UNITS[request.unit], request.ignore_case, request.ignore_punctuation, request.ignore_accents)


def number_answer(
    table: NumberTable, consensus: NumericConsensus, gold: Floats | None, method: Number.Method.ValueType
) -> pb.AggregateNumbersResponse:
    """The consensus of numbers."""
    known = np.isfinite(gold).tolist() if gold is not None and consensus.gold_count else [False] * len(table.items)
    rows = zip(table.items, consensus.estimates(table.counts), table.counts.tolist(), known, strict=True)
    return pb.AggregateNumbersResponse(
        numbers=[
            pb.ConsensusNumber(item=item, number=estimate(value), label_count=count, gold=from_gold)
            for item, value, count, from_gold in rows
        ],
        labelers=_number_labelers(table, consensus),
        method=method or Number.METHOD_LABELER_MODEL,
        method_version=consensus.version,
        iteration_count=consensus.iterations,
        converged=consensus.converged,
        gold_count=consensus.gold_count,
        note=consensus.note,
    )


def _number_labelers(table: NumberTable, consensus: NumericConsensus) -> list[pb.NumberLabeler]:
    if consensus.labelers is None:
        return []
    return [
        pb.NumberLabeler(
            labeler=name, label_count=bias.n, bias=estimate(bias), gain=estimate(gain), deviation=estimate(deviation)
        )
        for name, (bias, gain, deviation) in zip(table.labelers, consensus.labelers.estimates(), strict=True)
    ]


def text_answer(table: TextTable, consensus: TextConsensus, method: Text.Method.ValueType) -> pb.AggregateTextsResponse:
    """The consensus of texts, but for their agreement."""
    counts = np.diff(table.starts).tolist()
    rows = zip(table.items, consensus.texts, consensus.similarity.tolist(), counts, strict=True)
    found = consensus.reliabilities
    of_labelers = np.bincount(table.labeler_codes, minlength=len(table.labelers)).tolist()
    labelers = zip(table.labelers, of_labelers, found.estimates, found.weights.tolist(), strict=True)
    return pb.AggregateTextsResponse(
        texts=[
            pb.ConsensusText(item=item, text=text, similarity=alike, label_count=count)
            for item, text, alike, count in rows
        ],
        labelers=[
            pb.TextLabeler(labeler=name, label_count=count, similarity=estimate(alike), weight=weight)
            for name, count, alike, weight in labelers
        ],
        method=method or Text.METHOD_ROVER,
        method_version=consensus.version,
    )
