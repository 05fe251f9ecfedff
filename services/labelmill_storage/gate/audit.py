"""What the audit log says, and how its entries hang together. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_FIXED_BYTES = 400
_PAGE_BYTES = 3 * 1024 * 1024


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

    @property
    def size_bytes(self) -> int:
        """How much it takes in a message, at most."""
        texts = (self.actor, self.action, self.resource, *self.details, *self.details.values())
        return sum(len(text.encode()) for text in texts) + _FIXED_BYTES


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


def head_name(project: str) -> str:
    """The resource name of a project's head."""
    return f"projects/{project}/auditHead"


def project_of(name: str) -> str:
    """The project of a head's name, which the validation let pass."""
    return name.split("/")[1]


def fitting(entries: Sequence[Entry], most: int) -> Sequence[Entry]:
    """The first ones, at most `most`, that one answer has room for."""
    room = _PAGE_BYTES
    for index, entry in enumerate(entries[:most]):
        room -= entry.size_bytes
        if room < 0:
            return entries[: max(1, index)]
    return entries[:most]
