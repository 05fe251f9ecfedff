"""A folder for what one call brings and gets, bounded in size, gone when the call ends."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from labelmill_quality.intake.errors import SpoolFull

_PREFIX = "labels-"
_LEFT_BEHIND_S = 24 * 3600
_LENGTH_BYTES = 4


@dataclass
class Spool:
    """The folder of one call."""

    folder: Path
    limit_bytes: int
    _files: dict[str, BinaryIO] = field(default_factory=dict)
    _written: int = 0

    def append(self, name: str, data: bytes) -> None:
        """Appends to a file. Raises SpoolFull."""
        self.require_room(len(data))
        self._written += len(data)
        if name not in self._files:
            self._files[name] = (self.folder / name).open("ab")
        self._files[name].write(data)

    def append_frame(self, name: str, data: bytes) -> None:
        """Appends data with its length before it. Raises SpoolFull."""
        self.append(name, framed(data))

    def require_room(self, size: int) -> None:
        """Raises SpoolFull where so many further bytes are too many."""
        if self._written + size > self.limit_bytes:
            raise SpoolFull(self.limit_bytes)

    def close(self) -> None:
        """Ends the writing."""
        for file in self._files.values():
            file.close()
        self._files.clear()


@dataclass(frozen=True)
class Spools:
    """Where the folders are.

    Args:
        folder: Their parent.
        limit_bytes: How much a call may bring.
    """

    folder: Path
    limit_bytes: int

    @contextmanager
    def open(self) -> Iterator[Spool]:
        """A folder for one call."""
        self.folder.mkdir(parents=True, exist_ok=True)
        spool = Spool(Path(tempfile.mkdtemp(prefix=_PREFIX, dir=self.folder)), self.limit_bytes)
        try:
            yield spool
        finally:
            spool.close()
            shutil.rmtree(spool.folder, ignore_errors=True)  # a worker may still be writing

    def sweep(self) -> None:
        """Removes what processes that were killed have left behind."""
        for folder in self.folder.glob(f"{_PREFIX}*"):
            if folder.stat().st_mtime < time.time() - _LEFT_BEHIND_S:
                shutil.rmtree(folder, ignore_errors=True)


def framed(data: bytes) -> bytes:
    """Data with its length before it."""
    return len(data).to_bytes(_LENGTH_BYTES, "little") + data


def frames(path: Path) -> Iterator[bytes]:
    """What was framed, one after the other; nothing where there is no file."""
    if not path.exists():
        return
    with path.open("rb") as file:
        while head := file.read(_LENGTH_BYTES):
            yield file.read(int.from_bytes(head, "little"))
