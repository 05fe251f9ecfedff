"""Where parts of an upload wait until they are sent: a file without a name, which goes with the process.

Memory stays the same however many uploads there are. The file is a row of slots of one part each, used over and over.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from labelmill_storage.adapters.objects import durable_files


class Spool:
    """The parts of one upload that are on their way. All calls block; different slots may be used at once."""

    def __init__(self, folder: Path, part_bytes: int) -> None:
        self._folder = folder
        self._part_bytes = part_bytes
        self._descriptor: int | None = None

    def write(self, slot: int, offset: int, data: bytes | memoryview) -> None:
        """Puts bytes into a slot. Raises ResourceExhausted STORE_FULL."""
        durable_files.write_all_at(self._open(), data, slot * self._part_bytes + offset)

    def body(self, slot: int, length: int) -> SpooledBody:
        """The first bytes of a slot, to be read piece by piece."""
        return SpooledBody(self._open(), slot * self._part_bytes, length)

    def close(self) -> None:
        """Gives the room back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        if self._descriptor is None:
            self._descriptor = _nameless(self._folder)
        return self._descriptor


class SpooledBody:
    """Bytes of the spool as a file of their own; none of them are in memory."""

    def __init__(self, descriptor: int, start: int, length: int) -> None:
        self._descriptor = descriptor
        self._start = start
        self._length = length
        self._at = 0

    def __len__(self) -> int:
        return self._length

    def read(self, size: int = -1) -> bytes:
        """The next bytes; none at the end."""
        left = self._length - self._at
        data = os.pread(self._descriptor, left if size < 0 else min(size, left), self._start + self._at)
        if left and not data:
            raise EOFError("The spool is shorter than what was written to it.")
        self._at += len(data)
        return data

    def seek(self, offset: int) -> int:
        """Goes to a place from the start."""
        self._at = offset
        return offset

    def tell(self) -> int:
        """Where it is."""
        return self._at


def _nameless(folder: Path) -> int:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=folder)
    Path(name).unlink()
    return descriptor
