"""Answers AggregateNumbers and AggregateTexts."""

from __future__ import annotations

from labelmill.quality.v1 import answers_service_pb2 as pb
from labelmill_quality.convert import answers as convert
from labelmill_quality.convert.estimates import estimate
from labelmill_quality.convert.labels import repeats, repeats_number
from labelmill_quality.numeric import aggregate_numbers as aggregate_table
from labelmill_quality.numeric.table import gold_numbers, make_number_table
from labelmill_quality.text_answers import METHODS
from labelmill_quality.text_answers.similarity import Pairs, mean_similarity
from labelmill_quality.text_answers.table import make_text_table

_DEFAULT_REPLICATES = 1000


def aggregate_numbers(body: bytes) -> bytes:
    """Answers AggregateNumbers."""
    request = pb.AggregateNumbersRequest.FromString(body)
    columns, policy = convert.numbers(request.labels), repeats(request.repeat_policy)
    table = make_number_table(columns.items, columns.labelers, columns.numbers, repeats=policy)
    items, values = [row.item for row in request.gold], [row.number for row in request.gold]
    gold = gold_numbers(table.items, items, values) if items else None
    consensus = aggregate_table(table, convert.NUMBER_METHODS[request.method], gold)
    response = convert.number_answer(table, consensus, gold, request.method)
    response.repeat_policy = repeats_number(policy)
    response.repeated_label_count = len(request.labels) - len(table)
    return response.SerializeToString()


def aggregate_texts(body: bytes) -> bytes:
    """Answers AggregateTexts."""
    request = pb.AggregateTextsRequest.FromString(body)
    columns, policy = convert.texts(request.labels), repeats(request.repeat_policy)
    table = make_text_table(
        columns.items, columns.labelers, columns.texts, comparison=convert.comparison(request), repeats=policy
    )
    pairs = Pairs.of(table)
    consensus = METHODS[convert.TEXT_METHODS[request.method]](table, pairs)
    response = convert.text_answer(table, consensus, request.method)
    replicates = request.bootstrap_count or _DEFAULT_REPLICATES
    response.agreement.CopyFrom(estimate(mean_similarity(table, pairs, replicates, request.seed)))
    response.repeat_policy = repeats_number(policy)
    response.repeated_label_count = len(request.labels) - len(table)
    return response.SerializeToString()
