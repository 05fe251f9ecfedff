"""Answers AggregateChoices."""

from __future__ import annotations

from labelmill.quality.v1 import answers_service_pb2 as pb
from labelmill_quality.aggregation.multiple_choice import aggregate_sets
from labelmill_quality.convert import choices as convert


def aggregate_choices(body: bytes, cell_limit: int) -> bytes:
    """Answers AggregateChoices."""
    request = pb.AggregateChoicesRequest.FromString(body)
    table = convert.set_table(request, cell_limit)
    anchors = convert.known_sets(request.gold, table)
    consensus = aggregate_sets(table, anchors)
    return convert.choices(table, consensus, anchors, len(request.labels)).SerializeToString()
