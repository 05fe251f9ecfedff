"""File operations of which each says when it is on disk. All of them block: call them in a thread."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from labelmill_runtime.errors import ResourceExhausted

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def create(path: Path) -> int:
    """The descriptor of a new file, for its owner alone; an existing one is never opened."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def write_new(path: Path, data: bytes) -> None:
    """Makes a file and writes it to disk; its name is not durable before its directory is synced."""
    descriptor = create(path)
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Writes all of the data.

    Raises:
        ResourceExhausted: STORE_FULL.
    """
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError as error:
        if error.errno in _FULL:
            raise ResourceExhausted("STORE_FULL", "The object store has no room left.", retry_after_s=60) from None
        raise


def sync_directory(path: Path) -> None:
    """Makes the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path: Path) -> None:
    """Makes a directory and what is missing above it, for its owner alone, durably."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    sync_directory(path.parent)
