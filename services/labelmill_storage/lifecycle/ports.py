"""What the life cycle needs from outside. Each `transaction` is one that somebody else commits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from labelmill_storage.assets import Zone
from labelmill_storage.lifecycle.erasure import Case
from labelmill_storage.lifecycle.holds import Hold
from labelmill_storage.lifecycle.quota import Quota, ZoneUsage
from labelmill_storage.lifecycle.retention import Retention, Terms
from labelmill_storage.selection import Selected


class RetentionRecords(Protocol):
    """Knows how long content is kept."""

    async def get(self, project: str) -> Retention:
        """The retention of a project."""

    async def change(self, transaction: Any, project: str, terms: Terms, etag: str) -> Retention:
        """Changes it; raises RetentionEtagMismatch."""

    def wake(self, project: str) -> None:
        """Applies it soon."""


class LegalHolds(Protocol):
    """Knows the legal holds."""

    async def create(self, transaction: Any, project: str, hold_id: str, chosen: Selected, reason: str) -> Hold:
        """Puts assets on hold; raises HoldExists, AssetNotFound, INVALID_FILTER."""

    async def get(self, project: str, hold_id: str) -> Hold:
        """One hold; raises HoldNotFound."""

    async def page(self, project: str, after: str, size: int) -> Sequence[Hold]:
        """Holds by id, after one."""

    async def release(self, transaction: Any, project: str, hold_id: str, reason: str) -> Hold:
        """Releases one; raises HoldNotFound, HoldReleased."""


@dataclass(frozen=True, slots=True)
class KeptErasure:
    """An erasure as it stands."""

    case: Case
    body: bytes
    """The signed Erasure message; empty until it is complete."""


class Erasures(Protocol):
    """Knows the erasures."""

    async def begin(self, transaction: Any, project: str, chosen: Selected, reason: str) -> tuple[Case, int]:
        """Writes down what is to go, so that none of it comes in again; the case and how many assets that are.

        Raises:
            NotFound: ASSET_NOT_FOUND, SUBJECT_NOT_FOUND.
        """

    async def set_operation(self, transaction: Any, project: str, erasure_id: str, operation: str) -> None:
        """Says which operation carries it out."""

    async def get(self, project: str, erasure_id: str) -> KeptErasure:
        """One erasure; raises ErasureNotFound."""

    async def page(self, project: str, before: str, size: int) -> Sequence[KeptErasure]:
        """Erasures, newest first, before an id (empty: from the newest on)."""

    async def unfinished(self) -> Sequence[Case]:
        """All that are not complete."""

    def transaction(self) -> AbstractAsyncContextManager[Any]:
        """A transaction of its own."""

    async def lock(self, transaction: Any, project: str, erasure_id: str) -> KeptErasure:
        """An erasure as it stands, which nobody else changes while the transaction lasts."""

    async def allow(self, transaction: Any, project: str, chosen: Selected, reason: str) -> int:
        """Lets what was erased come in again; how many assets. Raises AssetNotFound, ErasureRunning."""


@dataclass(frozen=True, slots=True)
class UsageReport:
    """What a project has stored and read."""

    zones: dict[Zone, ZoneUsage] = field(default_factory=dict)
    quota: Quota = field(default_factory=Quota)
    daily_egress: Sequence[tuple[str, int]] = ()
    """(YYYY-MM-DD, bytes), newest first."""


class UsageRecords(Protocol):
    """Knows what projects have stored and read."""

    async def report(self, project: str) -> UsageReport:
        """How much that is."""

    async def set_quota(self, transaction: Any, project: str, quota: Quota) -> None:
        """Changes the limits."""


StillMine = Callable[[Any], Awaitable[None]]
"""Makes a transaction depend on the operation still being this process's own."""


class ErasureWork(Protocol):
    """The steps of an erasure within the service's own database; each can be repeated."""

    async def get(self, project: str, erasure_id: str) -> KeptErasure:
        """The erasure as it stands; raises ErasureNotFound."""

    async def target_count(self, case: Case) -> int:
        """How many assets are to go, or have gone."""

    async def erase_batch(self, case: Case, hold: StillMine) -> int:
        """Removes the records of some assets; how many were dealt with, 0 when none is left."""

    async def drop_uploads(self, case: Case, drop: Callable[[str], Awaitable[None]], hold: StillMine) -> None:
        """Throws away what is being uploaded about the data subject; `drop` takes a handle."""

    async def batch(self, case: Case, after: str, size: int) -> Sequence[str]:
        """Ids of assets that are to go or have gone, after one."""

    async def note(self, case: Case, change: Callable[[Case], None], hold: StillMine) -> None:
        """Writes down what has become of it."""

    async def remaining(self, case: Case, exists: Callable[[Zone, str], Awaitable[bool]]) -> int:
        """Asks again for the removal of objects that are still there though no record needs them; how many."""

    async def scrub(self) -> bool:
        """Takes what was deleted out of the database's files; whether that is possible. Raises Unavailable."""

    async def complete(
        self, case: Case, certify: Callable[[Case, Sequence[str], int, int], bytes], hold: StillMine
    ) -> bytes:
        """Ends it: `certify` makes the certificate of case, asset ids, time in microseconds and audit sequence."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What a service says it has erased, and what it keeps."""

    removed: Mapping[str, int]
    kept: Sequence[tuple[str, str, int]]
    """(item, reason, count)."""


class Peers(Protocol):
    """The other services."""

    async def erase(self, peer: str, project: str, asset_ids: Sequence[str], request_id: str) -> Forgotten | None:
        """Makes one forget assets; None where there is no such service. Raises what a retry may mend."""


class Sweeper(Protocol):
    """Removes objects that are to go."""

    async def sweep(self, project: str) -> int:
        """All of a project; how many objects that were."""


class Answers(Protocol):
    """The answers that are remembered for repeated requests."""

    async def forget(self, names: Collection[str]) -> int:
        """Forgets those that mention any of these resources."""


class Signer(Protocol):
    """Signs certificates."""

    @property
    def key_id(self) -> str:
        """The first 16 hex digits of the public key's SHA-256."""

    def sign(self, data: bytes) -> bytes:
        """The signature, 64 bytes."""
