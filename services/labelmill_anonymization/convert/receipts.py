"""Receipts, to and from the contract."""

from __future__ import annotations

from labelmill.anonymization.v1 import resources_pb2 as pb
from labelmill_anonymization.convert.scalars import counts_to_proto, level, timestamp
from labelmill_anonymization.operators import Protection
from labelmill_anonymization.receipt import Receipt


def receipt_to_proto(receipt: Receipt) -> pb.Receipt:
    """A receipt, signed or not."""
    return pb.Receipt(
        name=receipt.name,
        asset=receipt.asset,
        policy=receipt.policy,
        policy_version=receipt.policy_version,
        raw_sha256=receipt.raw_sha256,
        clean_sha256=receipt.clean_sha256,
        protection_level=level(receipt.protection),
        entity_counts=counts_to_proto(receipt.entity_counts),
        detector_versions=receipt.detector_versions,
        create_time=timestamp(receipt.create_time_ms),
        signing_key_id=receipt.signing_key_id,
        signature=receipt.signature,
        media_type=receipt.media_type,
        key_ids=receipt.key_ids,
        operator_counts=[pb.OperatorCount(operator_name=name, count=n) for name, n in receipt.operator_counts],
    )


def receipt_from_proto(message: pb.Receipt) -> Receipt:
    """A receipt as it was stored."""
    return Receipt(
        name=message.name,
        asset=message.asset,
        policy=message.policy,
        policy_version=message.policy_version,
        raw_sha256=message.raw_sha256,
        clean_sha256=message.clean_sha256,
        protection=Protection(int(message.protection_level)),
        entity_counts=tuple((count.entity_type, count.count) for count in message.entity_counts),
        detector_versions=tuple(message.detector_versions),
        create_time_ms=message.create_time.ToMilliseconds(),
        signing_key_id=message.signing_key_id,
        signature=message.signature,
        media_type=message.media_type,
        key_ids=tuple(message.key_ids),
        operator_counts=tuple((count.operator_name, count.count) for count in message.operator_counts),
    )
