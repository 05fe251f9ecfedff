"""Keys, to the contract."""

from __future__ import annotations

from labelmill.anonymization.v1 import keys_service_pb2 as pb
from labelmill_anonymization.convert.scalars import timestamp
from labelmill_anonymization.keyring.data_keys import KeyRecord


def key_to_proto(record: KeyRecord) -> pb.Key:
    """A key without its secret, and without whose it is."""
    message = pb.Key(
        name=record.name,
        purpose=pb.Key.Purpose.ValueType(int(record.purpose)),
        state=pb.Key.State.ValueType(int(record.state)),
        of_subject=bool(record.subject),
        root_key_id=record.wrapped.root_key_id if record.wrapped else "",
        create_time=timestamp(record.create_time_ms),
        destroy_reason=record.destroy_reason,
    )
    if record.destroy_time_ms:
        message.destroy_time.CopyFrom(timestamp(record.destroy_time_ms))
    return message
