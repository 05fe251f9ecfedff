"""What imports need from outside: what is in a source, and a memory of what was dealt with."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any, Protocol

from labelmill_runtime.errors import InvalidArgument, LabelmillError
from labelmill_storage.imports.sources import Source


class Unreadable(InvalidArgument):
    """An item that is there and cannot be read."""

    def __init__(self, problem: str) -> None:
        super().__init__("UNREADABLE", f"The item cannot be read: {problem}.")


class InvalidRow(InvalidArgument):
    """A row of a manifest that is none."""

    def __init__(self, problem: str) -> None:
        super().__init__("INVALID_ROW", f"The row cannot be taken: {problem}.")


class NoContent(InvalidArgument):
    """A row that has neither content nor a place of it."""

    def __init__(self) -> None:
        super().__init__("NO_CONTENT", "The row has neither content nor the place of any.")


@dataclass(frozen=True, slots=True)
class Found:
    """An item as the listing of a source shows it."""

    key: str
    """For people: its path, key or row within the source; always proper Unicode without NUL."""
    identity: bytes
    """For us: never the same for two items of a source."""
    fingerprint: str
    """Changes when the item does."""
    place: Any = None
    """Where its reader finds it again."""
    size_bytes: int = 0
    external_id: str = ""
    media_type: str = ""
    subject: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    fault: LabelmillError | None = None
    """Why it cannot be read, where the listing tells already."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Some items of a source, one after the other."""

    items: Sequence[Found]
    cursor: str = ""
    """Where a listing goes on after these; empty where it cannot."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """An item that was read, or tried to."""

    fingerprint: str
    """Of what was read, which may be newer than what was listed; empty: as listed."""
    content: bytes | LabelmillError | None
    """None: it is not there any more."""
    is_large: bool = False
    """It has to be read through `pieces`; then there is no content here."""


class SourceReader(Protocol):
    """Looks into one source.

    Raises Unavailable SOURCE_UNAVAILABLE, FailedPrecondition SOURCE_MISSING, PermissionDenied SOURCE_FORBIDDEN,
    InvalidArgument INVALID_MANIFEST.
    """

    async def count(self) -> int:
        """How many items there are; 0 where telling would cost as much as listing."""

    def listing(self, after: str) -> AsyncGenerator[Listed, None]:
        """All items, after a cursor where the source has such."""

    async def find(self, keys: Sequence[str]) -> Sequence[Found]:
        """The items of these keys that are there; for sources with cursors."""

    async def load(self, items: Sequence[Found]) -> list[Loaded]:
        """Reads small items as a whole, in order."""

    def pieces(self, item: Found) -> AsyncIterator[bytes]:
        """Reads a large item; raises Unreadable."""

    async def close(self) -> None:
        """Lets go of files and threads."""


class SourcePlaces(Protocol):
    """The places that the service's settings open to imports."""

    async def check(self, source: Source) -> None:
        """Refuses a source that may not be read with PermissionDenied SOURCE_FORBIDDEN."""

    def reader(self, source: Source) -> SourceReader:
        """Looks into a source; refuses like `check`."""


class ItemState(IntEnum):
    """What became of an item; the numbers are those of ImportItem.State."""

    IMPORTED = 1
    FAILED = 2


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered about an item."""

    fingerprint: str
    state: ItemState
    attempts: int
    update_time_us: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A remembered item that failed."""

    key_hash: str
    key: str
    update_time_us: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an item, to be remembered."""

    key_hash: str
    key: str
    fingerprint: str
    attempts: int
    asset_id: str = ""
    error: LabelmillError | None = None


@dataclass(frozen=True, slots=True)
class ItemRow:
    """A remembered item, for lists."""

    key: str
    state: ItemState
    asset_id: str
    status: bytes
    """A serialized google.rpc.Status; empty for one that is imported."""
    attempts: int
    update_time: datetime


@dataclass(frozen=True, slots=True)
class ItemPage:
    """A page of remembered items."""

    items: Sequence[ItemRow]
    next_cursor: str
    """Empty on the last page."""


@dataclass
class Counts:
    """What an import did so far."""

    created: int = 0
    already_existed: int = 0
    unchanged: int = 0
    failed: int = 0
    read_bytes: int = 0

    @property
    def done(self) -> int:
        """Items that were dealt with."""
        return self.created + self.already_existed + self.unchanged + self.failed


@dataclass
class Run:
    """An import of a source, as far as it is durable."""

    operation: str
    start_time_us: int
    """What was remembered since then is this import's own."""
    counts: Counts = field(default_factory=Counts)


class SourceRecords(Protocol):
    """Knows the sources. `transaction` is one that is open already."""

    async def create(self, transaction: Any, source: Source) -> None:
        """Adds one; raises AlreadyExists SOURCE_EXISTS."""

    async def get(self, project: str, source_id: str) -> Source:
        """One source; raises NotFound SOURCE_NOT_FOUND."""

    async def hold(self, transaction: Any, project: str, source_id: str) -> Source:
        """One source that nobody else changes before the transaction ends; raises NotFound SOURCE_NOT_FOUND."""

    async def page(self, project: str, after: str, size: int) -> tuple[Sequence[Source], str]:
        """Sources by id, and after which one the next page begins (empty: there is none)."""

    async def forget_items(self, project: str, source_id: str) -> None:
        """Forgets the items of a source, piece by piece, before the source goes."""

    async def delete(self, transaction: Any, source: Source) -> None:
        """Removes one, with what is left of its items."""

    async def begin(self, transaction: Any, source: Source, operation: str) -> None:
        """Says which import runs."""

    async def run_of(self, source: Source, operation: str) -> Run:
        """How far the import is."""

    async def end(self, source: Source, run: Run, hold: Hold) -> None:
        """Says that the import has ended."""


Hold = Callable[[Any], Awaitable[None]]
"""Called in every transaction of an import: raises when another process has taken over."""


class ImportRecords(Protocol):
    """Remembers what became of the items of sources."""

    async def known(self, source: Source, key_hashes: Sequence[str]) -> Mapping[str, Known]:
        """What is remembered, by key hash."""

    async def dead_letters(self, source: Source, after: str, size: int) -> Sequence[DeadLetter]:
        """Failed items by key hash, after one."""

    async def forget(self, source: Source, key_hashes: Sequence[str], hold: Hold) -> None:
        """Forgets items."""

    def writing(self, hold: Hold) -> AbstractAsyncContextManager[Any]:
        """A transaction of its own that is held first."""

    async def save(self, transaction: Any, source: Source, outcomes: Sequence[Outcome], run: Run, cursor: str) -> None:
        """Remembers what became of items, how far the import is, and unless it is empty the cursor."""

    async def page(self, source: Source, filter_text: str, after: str, size: int) -> ItemPage:
        """Items by key; raises INVALID_FILTER."""
