"""Which policy a stored receipt speaks of."""

from __future__ import annotations

from labelmill.anonymization.v1 import resources_pb2


def policy_of(body: bytes) -> str:
    """projects/{project}/policies/{policy}@{version} of a receipt as it is kept."""
    receipt = resources_pb2.Receipt.FromString(body)
    return f"{receipt.policy}@{receipt.policy_version}"
