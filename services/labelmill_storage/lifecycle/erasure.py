"""Erasure: what goes, what stays, and what must not come back. Pure.

An erasure takes these steps, each of which can be repeated after a crash; the erasure's row knows how far it is:

1. requested: its assets are written down, are on no legal hold, and can no longer come in;
2. own: the service's own records go, batch by batch, and with them every way to read the content;
3. peers: the other services forget the assets;
4. objects: the contents are removed from the object store;
5. peers_again: what a peer was still working on when the assets went;
6. traces: remembered answers, free pages and logs of the database;
7. complete: signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from labelmill_runtime.errors import FailedPrecondition, NotFound

ERASURE_NAME = "projects/{project}/erasures/{erasure}"
PEERS = ("anonymization", "prelabel", "annotation", "quality", "training")
"""The services that keep something about assets, in the order in which they are asked to forget."""
SELF = "storage"
LEGAL_HOLD = "LEGAL_HOLD"
ERASURE_RUNNING = "ERASURE_RUNNING"
SERVICE_ABSENT = "SERVICE_ABSENT"
AUDIT_LOG = "AUDIT_LOG"
SNAPSHOT_ROW = "SNAPSHOT_ROW"
DATABASE_FREE_SPACE = "DATABASE_FREE_SPACE"


class ContentErased(FailedPrecondition):
    """Content that was erased and is not allowed again."""

    def __init__(self) -> None:
        message = "This content was erased; a privacy officer can allow it again (AllowErased)."
        super().__init__("CONTENT_ERASED", message)


class SubjectErased(FailedPrecondition):
    """Content about a data subject whose data was erased."""

    def __init__(self) -> None:
        message = "The data of this subject was erased; a privacy officer can allow them again (AllowErased)."
        super().__init__("SUBJECT_ERASED", message)


class SubjectNotFound(NotFound):
    """Nothing is known about this data subject."""

    def __init__(self) -> None:
        super().__init__("SUBJECT_NOT_FOUND", "The project has nothing about this data subject.")


class ErasureNotFound(NotFound):
    """There is no such erasure."""

    def __init__(self, name: str) -> None:
        message = "There is no such erasure."
        super().__init__("ERASURE_NOT_FOUND", message, resource=("labelmill.io/Erasure", name))


class ErasureRunning(FailedPrecondition):
    """What is being erased right now cannot be allowed again yet."""

    def __init__(self, name: str) -> None:
        message = "It is being erased right now; it can be allowed again when that is complete."
        super().__init__("ERASURE_RUNNING", message, resource=("labelmill.io/Erasure", name))


@dataclass
class Case:
    """One erasure on its way; kept as JSON in its row, and changed together with what it says."""

    project: str
    id: str
    reason: str
    creator: str
    of_subject: bool
    create_time_us: int
    subject_hash: str = ""
    operation: str = ""
    """The operation that carries it out."""
    own_done: bool = False
    peers_done: dict[str, str] = field(default_factory=dict)
    """"{step}/{peer}" -> the last asset id that it has forgotten, LAST when it is through."""
    objects_done: bool = False
    removals: dict[str, int] = field(default_factory=dict)
    """"{service}/{kind}" -> how many were erased."""
    kept_assets: dict[str, str] = field(default_factory=dict)
    """Asset id -> why it was kept."""
    kept: dict[str, int] = field(default_factory=dict)
    """"{reason} {item}" -> how many such things stay."""

    @property
    def name(self) -> str:
        """projects/{project}/erasures/{erasure}."""
        return erasure_name(self.project, self.id)

    def removed(self, service: str, counts: Mapping[str, int]) -> None:
        """Notes what was erased."""
        for kind, count in counts.items():
            if count:
                key = f"{service}/{kind}"
                self.removals[key] = self.removals.get(key, 0) + count

    def keeps(self, items: Iterable[tuple[str, str, int]]) -> None:
        """Notes what stays: (item, reason, count), a count of 0 being the item itself."""
        for item, reason, count in items:
            key = f"{reason} {item}"
            self.kept[key] = self.kept.get(key, 0) + count

    def dump(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Case:
        """The inverse of `dump`."""
        return cls(**state)


def erasure_name(project: str, erasure_id: str) -> str:
    """The resource name of an erasure."""
    return f"projects/{project}/erasures/{erasure_id}"
