"""File operations of which each says when it is on disk. All of them block: call them in a thread.

Raises, all of them: ResourceExhausted STORE_FULL, when there is no room for bytes or for names.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labelmill_runtime.errors import ResourceExhausted

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_LIBC = ctypes.CDLL(None, use_errno=True)


def create(path: Path) -> int:
    """The descriptor of a new file, for its owner alone; an existing one is never opened."""
    with _told_when_full():
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def write_new(path: Path, data: bytes, *, synced: bool = True) -> None:
    """Makes a file and writes it to disk, unless told not to; its name is durable once its directory is synced."""
    descriptor = create(path)
    try:
        write_all(descriptor, data)
        if synced:
            sync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Writes all of the data."""
    view = memoryview(data)
    with _told_when_full():
        while view:
            view = view[os.write(descriptor, view) :]


def write_all_at(descriptor: int, data: bytes | memoryview, offset: int) -> None:
    """Writes all of the data at a place."""
    view = memoryview(data)
    with _told_when_full():
        while view:
            count = os.pwrite(descriptor, view, offset)
            view, offset = view[count:], offset + count


def sync(descriptor: int) -> None:
    """Makes the bytes of a file durable."""
    with _told_when_full():
        os.fsync(descriptor)


def sync_directory(path: Path) -> None:
    """Makes the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def can_sync_filesystems() -> bool:
    """Whether this system has syncfs(2): Linux does, macOS does not."""
    return hasattr(_LIBC, "syncfs")


def sync_filesystem(path: Path) -> None:
    """Makes all that was written to the file system of a directory durable, files and names: one wait for many files.

    It waits for what others wrote there, too. Since Linux 5.8 it tells of every error of writing back.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with _told_when_full():
            if _LIBC.syncfs(descriptor) != 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number))
    finally:
        os.close(descriptor)


def make_directory(path: Path) -> None:
    """Makes a directory and what is missing above it, for its owner alone, durably."""
    if path.is_dir():
        return
    make_directory(path.parent)
    with _told_when_full():
        path.mkdir(mode=0o700, exist_ok=True)
    sync_directory(path.parent)


def move(source: Path, target: Path) -> None:
    """Gives a file its final name; durable once the directory of `target` is synced."""
    with _told_when_full():
        source.rename(target)


@contextmanager
def _told_when_full() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise ResourceExhausted("STORE_FULL", "The object store has no room left.", retry_after_s=60) from None
        raise
