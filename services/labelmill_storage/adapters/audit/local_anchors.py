"""Heads of the audit log in local files, one a project, one line a head; only ever appended to."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

from labelmill_storage.adapters.objects import durable_files
from labelmill_storage.convert.audit import head_line, parse_head
from labelmill_storage.gate.audit import SignedHead

_LONGEST_LINE = 1024
"""Bytes; a head takes some 450."""


class LocalAnchors:
    """AuditAnchors in a directory: `<project>.jsonl`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def write(self, head: SignedHead) -> None:
        """Adds a line, on disk when this returns."""
        await asyncio.to_thread(self._write, head)

    async def newest(self, project: str, count: int) -> Sequence[SignedHead]:
        """The last lines."""
        lines = await asyncio.to_thread(self._last_lines, project, count)
        return [parse_head(project, line) for line in lines]

    async def close(self) -> None:
        """Nothing."""

    def _path(self, project: str) -> Path:
        return self._folder / f"{project}.jsonl"  # a project's id is a file name

    def _write(self, head: SignedHead) -> None:
        durable_files.make_directory(self._folder)
        path = self._path(head.head.project)
        is_new = not path.exists()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            _drop_torn_line(descriptor)
            durable_files.write_all(descriptor, head_line(head))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            durable_files.sync_directory(self._folder)

    def _last_lines(self, project: str, count: int) -> list[bytes]:
        try:
            file = self._path(project).open("rb")
        except FileNotFoundError:
            return []
        with file:
            size = file.seek(0, os.SEEK_END)
            start = max(0, size - (count + 1) * _LONGEST_LINE)
            file.seek(start)
            *lines, _torn = file.read().split(b"\n")  # what ends in no line end was never acknowledged
        return lines[1 if start else 0 :][-count:]


def _drop_torn_line(descriptor: int) -> None:
    """Takes away what a crash left of a line."""
    size = os.fstat(descriptor).st_size
    tail_start = max(0, size - _LONGEST_LINE)
    tail = os.pread(descriptor, size - tail_start, tail_start)
    if tail and not tail.endswith(b"\n"):
        os.ftruncate(descriptor, tail_start + tail.rfind(b"\n") + 1)
