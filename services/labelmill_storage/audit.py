"""What the audit log says, and how its entries hang together. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

HEAD_NAME = "projects/{project}/auditHead"


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """Something that is to be written down: the actions are listed at AuditEntry.action in the contract."""

    action: str
    resource: str
    """A resource name."""
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a project's chain, as it was hashed."""

    project: str
    sequence: int
    time_us: int
    actor: str
    action: str
    resource: str
    details: Mapping[str, str]
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a project's chain, as the database has it."""

    project: str
    sequence: int
    """0 for an empty log."""
    hash: str


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head with the signature that AuditHead in the contract describes."""

    head: Head
    time_us: int
    signing_key_id: str
    signature: bytes
    public_key: bytes
