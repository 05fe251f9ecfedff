"""Files of uploads that outlive connections and processes: `<root>/uploads/<project>/<token>.<announced size>`.

Whoever writes to one holds its flock(2), which goes with the process that held it.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from pathlib import Path

from labelmill_storage.adapters.objects import durable_files
from labelmill_storage.ports import ObjectMissing, UploadActive

_HANDLE = re.compile(r"(?P<project>[a-z][a-z0-9-]*)/(?P<token>[0-9a-f]{32})\.(?P<size>[0-9]+)")


class UploadFiles:
    """The files of uploads, by handle. All calls block."""

    def __init__(self, root: Path) -> None:
        self._root = root
        durable_files.make_directory(root)

    def begin(self, project: str, size_bytes: int) -> str:
        """Makes an empty file, durably; returns its handle. `size_bytes`: what was announced, 0 for nothing."""
        handle = f"{project}/{secrets.token_hex(16)}.{size_bytes}"
        path = self.path(handle)
        durable_files.make_directory(path.parent)
        durable_files.write_new(path, b"")
        durable_files.sync_directory(path.parent)
        return handle

    def path(self, handle: str) -> Path:
        """Where the file of a handle is; raises ObjectMissing for what is no handle."""
        if not _HANDLE.fullmatch(handle):
            raise ObjectMissing
        return self._root / handle

    def open_locked(self, handle: str) -> int:
        """A descriptor for appending, which holds the lock until it is closed or the process dies."""
        path = self.path(handle)
        descriptor = _open(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_nlink == 0 or not path.exists():
                raise ObjectMissing  # committed or thrown away between the opening and the locking
        except BaseException as error:
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                raise UploadActive from None
            raise
        return descriptor

    def received(self, handle: str) -> int:
        """How many bytes there are on disk; does not mind whoever writes."""
        descriptor = _open(self.path(handle))
        try:
            size = os.fstat(descriptor).st_size
            durable_files.sync(descriptor)
            return size
        finally:
            os.close(descriptor)

    def drop(self, handle: str) -> None:
        """Removes the file; whoever writes to it fails at the commit."""
        self.path(handle).unlink(missing_ok=True)


def announced_size(handle: str) -> int:
    """The size that an upload was begun with; raises ObjectMissing for what is no handle."""
    found = _HANDLE.fullmatch(handle)
    if found is None:
        raise ObjectMissing
    return int(found["size"])


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    except FileNotFoundError:
        raise ObjectMissing from None
