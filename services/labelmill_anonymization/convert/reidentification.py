"""Reidentifications, to and from the contract."""

from __future__ import annotations

from labelmill.anonymization.v1 import reidentification_service_pb2 as pb
from labelmill_anonymization.convert.scalars import timestamp
from labelmill_anonymization.reversal.reidentification import FormattedValue, Reading, Reidentification, Revealed


def formatted_from_proto(message: pb.ReidentifyRequest.FormattedValue) -> FormattedValue:
    """A value of format-preserving encryption."""
    return FormattedValue(message.value, message.entity_type, message.key_id)


def reading_to_proto(reading: Reading) -> pb.ReidentifyResponse:
    """What was read."""
    return pb.ReidentifyResponse(
        text=reading.text,
        tokens=map(_revealed_to_proto, reading.tokens),
        formatted_values=map(_revealed_to_proto, reading.formatted),
        reidentification=reidentification_to_proto(reading.record),
    )


def reidentification_to_proto(record: Reidentification) -> pb.Reidentification:
    """The record of a call."""
    return pb.Reidentification(
        name=f"projects/{record.project}/reidentifications/{record.id}",
        principal=record.principal,
        reason=record.reason,
        value_count=record.value_count,
        revealed_count=record.revealed_count,
        key_ids=record.key_ids,
        create_time=timestamp(record.create_time_ms),
    )


def _revealed_to_proto(revealed: Revealed) -> pb.ReidentifyResponse.Result:
    return pb.ReidentifyResponse.Result(
        value=revealed.value,
        entity_type=revealed.entity_type,
        key_id=revealed.key_id,
        problem=pb.ReidentifyResponse.Problem.ValueType(int(revealed.problem)),
    )
