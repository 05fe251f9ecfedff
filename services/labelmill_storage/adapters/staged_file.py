"""One object on its way into the local directory."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from labelmill_storage.adapters import durable_files
from labelmill_storage.adapters.threads import Steps, Threads
from labelmill_storage.ports import ObjectKey


class StagedFile:
    """A file that grows in the staging folder until it is moved into place or removed."""

    def __init__(self, path: Path, threads: Threads, place: Callable[[Path, ObjectKey], None]) -> None:
        self._path = path
        self._place = place
        self._steps = Steps(threads)
        self._descriptor: int | None = None

    async def write(self, data: bytes) -> None:
        """Adds bytes."""
        await self._steps.do(partial(self._write, data))

    async def commit(self, key: ObjectKey) -> str:
        """Syncs the file, moves it into place, syncs the directory."""
        await self._steps.do(partial(self._commit, key))
        return ""

    async def discard(self) -> None:
        """Removes the file unless it was committed."""
        await self._steps.last(self._remove)

    def _write(self, data: bytes) -> None:
        durable_files.write_all(self._open(), data)

    def _open(self) -> int:
        if self._descriptor is None:
            self._descriptor = durable_files.create(self._path)
        return self._descriptor

    def _commit(self, key: ObjectKey) -> None:
        os.fsync(self._open())
        self._close()
        self._place(self._path, key)

    def _remove(self) -> None:
        self._close()
        self._path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
