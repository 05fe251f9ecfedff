"""Who may write a project's figures, within this process; between processes the store decides."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary


class Turns:
    """One lock a project: those who would write over one another wait instead of losing again and again."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, project: str) -> asyncio.Lock:
        """The project's lock."""
        return self._locks.setdefault(project, asyncio.Lock())
