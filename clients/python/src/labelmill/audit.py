"""The audit log's hash chain: what an entry's hash covers, as AuditEntry.hash in the contract says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

GENESIS = "0" * 64
"""The previous_hash of a project's first entry."""

_DOMAIN = b"labelmill-audit-v1\0"


def entry_hash(
    *,
    project: str,
    sequence: int,
    time_us: int,
    actor: str,
    action: str,
    resource: str,
    details: Mapping[str, str],
    previous_hash: str,
) -> str:
    """SHA-256 in hex over the canonical form of an entry."""
    facts = {
        "project": project,
        "sequence": sequence,
        "time_us": time_us,
        "actor": actor,
        "action": action,
        "resource": resource,
        "details": dict(details),
        "previous_hash": previous_hash,
    }
    canonical = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(_DOMAIN + canonical.encode()).hexdigest()
