"""Where parts of an upload wait until they are sent: a file without a name, which goes with the process.

Memory stays the same however many uploads there are. The file is a row of slots of one part each, used over and over.
"""

from __future__ import annotations

import mmap
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

    def read(self, slot: int, length: int) -> memoryview:
        """The first bytes of a slot.

        The memory is the kernel's own pages, not the allocator's: it goes back at once, whatever thread lets go of it.
        """
        view = memoryview(mmap.mmap(-1, length) if length else b"")
        done = 0
        while done < length:
            count = os.preadv(self._open(), [view[done:]], slot * self._part_bytes + done)
            if not count:
                raise EOFError("The spool is shorter than what was written to it.")
            done += count
        return view

    def close(self) -> None:
        """Gives the room back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        if self._descriptor is None:
            self._descriptor = _nameless(self._folder)
        return self._descriptor


def _nameless(folder: Path) -> int:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=folder)
    Path(name).unlink()
    return descriptor
