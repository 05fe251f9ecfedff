"""What the audit log says, and how its entries hang together. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """Something that is to be written down: the actions are listed at AuditEntry.action in the contract."""

    action: str
    resource: str
    """A resource name."""
    details: Mapping[str, str] = field(default_factory=dict)
