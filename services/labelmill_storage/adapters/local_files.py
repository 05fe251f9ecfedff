"""Objects as files: `<root>/{raw,clean}/<project>/<aa>/<sha256>`.

A file is written under `<root>/staging/<owner>`, fsynced, renamed into place, and its directory fsynced: after a crash
an object is there as a whole or not at all. Each process stages in a folder of its own and holds a lock on it, so that
the next one to start can tell what the dead left behind.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from labelmill_runtime.errors import LabelmillError
from labelmill_storage.adapters import durable_files
from labelmill_storage.adapters.staged_file import StagedFile
from labelmill_storage.adapters.threads import Threads
from labelmill_storage.assets import Zone
from labelmill_storage.ports import ObjectKey, ObjectMissing

_LOCK = "lock"


class LocalFiles:
    """An ObjectStore in a local directory."""

    def __init__(self, root: Path, *, threads: int = 8) -> None:
        self._root = root
        self._threads = Threads(threads, "local-files")
        self._known_directories: set[Path] = set()
        for folder in ("staging", *(zone.name.lower() for zone in Zone)):
            durable_files.make_directory(root / folder)
        self._staging = root / "staging" / secrets.token_hex(8)
        self._lock = _make_locked(self._staging)

    @asynccontextmanager
    async def stage(self, zone: Zone, project: str) -> AsyncIterator[StagedFile]:
        """Begins an object; the zone is settled at the commit, staging is one folder for all."""
        staged = StagedFile(self._new_path(), self._threads, self._place_durably)
        try:
            yield staged
        finally:
            await staged.discard()

    async def put_many(self, objects: Mapping[ObjectKey, bytes]) -> None:
        """Writes many small objects: files in parallel, then each directory once."""
        await self._threads.spread(list(objects.items()), self._put_all)
        await self._threads.spread(sorted({self._path(key).parent for key in objects}), _sync_all)

    async def read(self, key: ObjectKey, offset: int, length: int) -> bytes:
        """Bytes of an object."""
        return await self._threads.run(partial(_read, self._path(key), offset, length))

    async def read_many(self, keys: Sequence[ObjectKey]) -> list[bytes | LabelmillError]:
        """Many small objects."""
        slices = await self._threads.spread([self._path(key) for key in keys], _read_all)
        return [outcome for outcomes in slices for outcome in outcomes]

    async def exists(self, key: ObjectKey) -> bool:
        """Whether there is such an object."""
        return await self._threads.run(self._path(key).exists)

    async def sweep(self) -> int:
        """Removes the staging folders of dead processes."""
        return await self._threads.run(self._sweep)

    async def ping(self) -> bool:
        """Whether the directory can be written."""
        return await self._threads.run(partial(os.access, self._staging, os.W_OK))

    async def close(self) -> None:
        """Releases the threads and the staging folder."""
        await self._threads.close()
        shutil.rmtree(self._staging, ignore_errors=True)
        os.close(self._lock)

    def _put_all(self, objects: Sequence[tuple[ObjectKey, bytes]]) -> None:
        for key, data in objects:
            staged = self._new_path()
            try:
                durable_files.write_new(staged, data)
                self._place(staged, key)
            except BaseException:
                staged.unlink(missing_ok=True)
                raise

    def _place(self, staged: Path, key: ObjectKey) -> None:
        """Moves a file that is on disk to where it belongs; durable once the directory is synced."""
        path = self._path(key)
        if path.parent not in self._known_directories:
            durable_files.make_directory(path.parent)
            self._known_directories.add(path.parent)
        staged.rename(path)

    def _place_durably(self, staged: Path, key: ObjectKey) -> None:
        self._place(staged, key)
        durable_files.sync_directory(self._path(key).parent)

    def _path(self, key: ObjectKey) -> Path:
        return self._root / key.zone.name.lower() / key.path

    def _new_path(self) -> Path:
        return self._staging / secrets.token_hex(16)

    def _sweep(self) -> int:
        return sum(_remove_if_dead(folder) for folder in self._staging.parent.iterdir() if folder != self._staging)


def _make_locked(folder: Path) -> int:
    """Makes a folder and returns a descriptor that holds its lock until it is closed or the process dies."""
    folder.mkdir(mode=0o700)
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def _remove_if_dead(folder: Path) -> int:
    """Removes a staging folder that no process holds; returns how many objects were in it."""
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0  # being made right now
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        left = sum(1 for file in folder.iterdir() if file.name != _LOCK)
        shutil.rmtree(folder, ignore_errors=True)
        return left
    except BlockingIOError:
        return 0
    finally:
        os.close(descriptor)


def _sync_all(directories: Sequence[Path]) -> None:
    for directory in directories:
        durable_files.sync_directory(directory)


def _read(path: Path, offset: int, length: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(length)
    except FileNotFoundError:
        raise ObjectMissing from None


def _read_all(paths: Sequence[Path]) -> list[bytes | LabelmillError]:
    outcomes: list[bytes | LabelmillError] = []
    for path in paths:
        try:
            outcomes.append(path.read_bytes())
        except FileNotFoundError:
            outcomes.append(ObjectMissing())
    return outcomes
