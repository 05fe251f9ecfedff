"""One object on its way into the local directory."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

from labelmill_storage.adapters.objects import durable_files
from labelmill_storage.adapters.objects.threads import Steps, Threads
from labelmill_storage.ports import ObjectKey, ObjectMissing

_READ_BYTES = 1024 * 1024


class StagedFile:
    """A file that grows until it is moved into place."""

    def __init__(
        self, path: Path, threads: Threads, place: Callable[[Path, ObjectKey], None], *, descriptor: int | None = None
    ) -> None:
        """A file to be.

        Args:
            path: Where it grows.
            threads: For blocking calls.
            place: Moves a file that is on disk to where a key belongs, durably.
            descriptor: Of the file at `path`, opened for appending, when it is there already; taken over.
        """
        self._path = path
        self._place = place
        self._steps = Steps(threads)
        self._descriptor = descriptor
        self._received = 0 if descriptor is None else os.fstat(descriptor).st_size

    @property
    def received_bytes(self) -> int:
        """How many bytes are in it."""
        return self._received

    async def write(self, data: bytes) -> None:
        """Adds bytes."""
        await self._steps.do(partial(self._write, data))

    async def clear(self) -> None:
        """Throws away what is in it, also while the caller is being cancelled."""
        await self._steps.last(self._clear)

    async def seal(self) -> None:
        """Puts the bytes on disk."""
        await self._steps.do(lambda: durable_files.sync(self._open()))

    @property
    def put_sha256(self) -> str:
        """Nothing: the server of URLs hashes nothing."""
        return ""

    async def read(self, offset: int, length: int) -> bytes:
        """Some of the bytes."""
        return await self._steps.do(partial(os.pread, self._open(), length, offset))

    async def read_back(self) -> AsyncIterator[bytes]:
        """The bytes from the first to the last."""
        offset = 0
        while data := await self.read(offset, _READ_BYTES):
            yield data
            offset += len(data)

    async def commit(self, key: ObjectKey) -> str:
        """Syncs the file, moves it into place, syncs the directory."""
        await self._steps.do(partial(self._commit, key))
        return ""

    async def discard(self) -> None:
        """Removes the file unless it was committed."""
        await self._steps.last(self._remove)

    async def leave(self) -> None:
        """Lets go of the file, which stays where it is."""
        await self._steps.last(self._close)

    def _write(self, data: bytes) -> None:
        durable_files.write_all(self._open(), data)
        self._received += len(data)

    def _clear(self) -> None:
        os.ftruncate(self._open(), 0)
        self._received = 0

    def _open(self) -> int:
        if self._descriptor is None:
            self._descriptor = durable_files.create(self._path)
        return self._descriptor

    def _commit(self, key: ObjectKey) -> None:
        durable_files.sync(self._open())
        try:
            self._place(self._path, key)
        except FileNotFoundError:
            raise ObjectMissing from None  # an upload that was thrown away meanwhile
        self._close()  # not before: whoever holds the descriptor holds the lock of an upload

    def _remove(self) -> None:
        self._close()
        self._path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
