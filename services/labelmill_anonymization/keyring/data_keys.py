"""Data keys: what they are for, the states they are in, and the records that keep them (wrapped)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Protocol

from labelmill_anonymization.keyring.root_keys import WrappedKey

KEY_BYTES = 32


class Purpose(IntEnum):
    """What a data key is for; the contract's numbers."""

    LINKING = 1
    """Hashes, pseudonyms, date shifts."""
    ENCRYPTION = 2
    """Tokens and format-preserving encryption."""
    SUBJECT_INDEX = 3
    """Finds the keys of a subject, whose id is not kept."""


class State(IntEnum):
    """The life of a data key; the contract's numbers."""

    PRIMARY = 1
    """Used for whatever is made now."""
    ACTIVE = 2
    """Reads what was made with it; makes nothing new."""
    DESTROYED = 3
    """Gone: what was made with it can never be read again."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A data key as it is kept; `wrapped` None: derived from the seed, or destroyed."""

    project: str
    key_id: str
    purpose: Purpose
    state: State
    create_time_ms: int
    subject: str = ""
    """HMAC of the subject's id, in hex; "": the project's own key."""
    wrapped: WrappedKey | None = field(default=None, repr=False)
    destroy_time_ms: int = 0
    destroy_reason: str = ""

    @property
    def name(self) -> str:
        """projects/{project}/keys/{key}."""
        return f"projects/{self.project}/keys/{self.key_id}"

    @property
    def context(self) -> str:
        """What a wrapped key is bound to: it does not open under another project, purpose, subject or id."""
        return "\0".join(("labelmill-data-key-v1", self.project, self.purpose.name, self.subject, self.key_id))


def new_key_id() -> str:
    """16 hex digits; unique over all projects."""
    return secrets.token_hex(8)


class KeyRecords(Protocol):
    """Keeps data keys, wrapped. A `session` is the transaction in which an answer is remembered."""

    async def primary(self, project: str, purpose: Purpose, subject: str) -> KeyRecord | None:
        """The key for whatever is made now; None: there is none (yet, or any more)."""

    async def add_first(self, record: KeyRecord) -> KeyRecord:
        """Keeps a primary key unless there is one by now; whichever is kept."""

    async def replace_primary(self, session: Any, record: KeyRecord) -> None:
        """Keeps a key as the primary one; the one before becomes ACTIVE. Raises KeyRotated if another is faster."""

    async def get(self, project: str, key_id: str) -> KeyRecord:
        """A key; raises KeyNotFound."""

    async def list_keys(self, project: str, after: tuple[int, str] | None, limit: int) -> list[KeyRecord]:
        """Keys in the order of their creation, after (creation time, id)."""

    async def destroy(self, session: Any, project: str, key_ids: Sequence[str], reason: str) -> int:
        """Removes the wrapped secrets of keys for good; how many were there."""

    async def of_subjects(self, session: Any, project: str, subjects: Sequence[str]) -> list[str]:
        """The ids of all keys of some subjects that are not destroyed."""

    async def left_by_assets(self, session: Any, project: str, asset_ids: Sequence[str]) -> list[str]:
        """Forgets which keys some assets hold tokens of; those keys that no other asset does."""

    async def wrapped_by_others(self, root_key_id: str, limit: int) -> tuple[list[KeyRecord], int]:
        """Keys of all projects that another root key wraps: some of them, and how many there are."""

    async def rewrap(self, rewrapped: Sequence[tuple[KeyRecord, WrappedKey]]) -> None:
        """Puts other wrappings in the place of those of the records, unless they changed meanwhile."""

    async def scrub(self) -> None:
        """Takes what was destroyed out of the files of the database; after the commit."""
