"""Who writes to an upload now: one stream at a time within a process. The store looks after the other processes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from labelmill_storage.ports import UploadActive


@dataclass(slots=True)
class Turn:
    """One stream's time with an upload."""

    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it ends."""
    found_bytes: int | None = None
    """What was durable when a stream began: what it writes is not, for a while."""


class Turns:
    """The turns that are taken."""

    def __init__(self) -> None:
        self._taken: dict[tuple[str, str], Turn] = {}

    @contextmanager
    def taken(self, project: str, upload_id: str) -> Iterator[Turn]:
        """Takes the turn for the block."""
        key = project, upload_id
        if key in self._taken:
            raise UploadActive
        turn = self._taken[key] = Turn()
        try:
            yield turn
        finally:
            del self._taken[key]
            turn.over.set()

    def of(self, project: str, upload_id: str) -> Turn | None:
        """The turn that somebody has now."""
        return self._taken.get((project, upload_id))
