"""Receipts: proof of what was done to one asset under one policy version. They hold counts and hashes, never values."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from labelmill_anonymization.contents.content import CleanContent, Counts
from labelmill_anonymization.operators import Protection
from labelmill_anonymization.policy import PolicyVersion


@dataclass(frozen=True, slots=True)
class Receipt:
    """See labelmill.anonymization.v1.Receipt. Unsigned while `signature` is empty."""

    name: str
    asset: str
    policy: str
    policy_version: int
    raw_sha256: str
    clean_sha256: str
    protection: Protection
    entity_counts: Counts
    detector_versions: tuple[str, ...]
    create_time_ms: int
    media_type: str = "text/plain"
    key_ids: tuple[str, ...] = ()
    operator_counts: Counts = ()
    signing_key_id: str = ""
    signature: bytes = b""


def receipt_name(asset: str, policy: PolicyVersion) -> str:
    """The name of the receipt of an asset under a policy version: always the same, so that a job can be run again."""
    identity = "\0".join((asset, policy.name, str(policy.version), f"{policy.create_time_ms}"))
    return f"projects/{policy.project}/receipts/{hashlib.sha256(identity.encode()).hexdigest()[:32]}"


def make_receipt(
    *,
    asset: str,
    policy: PolicyVersion,
    raw: bytes,
    clean: CleanContent,
    now_ms: int,
) -> Receipt:
    """The unsigned receipt for an asset that was transformed."""
    return Receipt(
        name=receipt_name(asset, policy),
        asset=asset,
        policy=policy.name,
        policy_version=policy.version,
        raw_sha256=hashlib.sha256(raw).hexdigest(),
        clean_sha256=hashlib.sha256(clean.data).hexdigest(),
        protection=clean.protection,
        entity_counts=clean.entity_counts,
        detector_versions=tuple(sorted(clean.detector_versions)),
        create_time_ms=now_ms,
        media_type=clean.media_type,
        key_ids=clean.key_ids,
        operator_counts=clean.operator_counts,
    )
