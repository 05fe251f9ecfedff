"""Levels, counts and times, to and from the contract."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp

from labelmill.anonymization.v1 import resources_pb2 as pb
from labelmill_anonymization.operators import Protection


def level(protection: Protection) -> pb.ProtectionLevel.ValueType:
    """How well an output protects."""
    return pb.ProtectionLevel.ValueType(int(protection))  # the domain's numbers are the contract's


def counts_to_proto(counts: Iterable[tuple[str, int]]) -> list[pb.EntityCount]:
    """Counts by type, in the order given."""
    return [pb.EntityCount(entity_type=entity_type, count=count) for entity_type, count in counts]


def timestamp(milliseconds: int) -> Timestamp:
    """A time from milliseconds since 1970."""
    made = Timestamp()
    made.FromMilliseconds(milliseconds)
    return made
