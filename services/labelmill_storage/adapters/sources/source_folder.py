"""A folder as a source. Directories are walked and files are read in threads; no link to a directory is followed."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TypeVar

from labelmill_runtime.errors import LabelmillError
from labelmill_storage.adapters.objects.threads import Threads
from labelmill_storage.adapters.sources import import_roots
from labelmill_storage.adapters.sources.import_roots import ImportRoots, OutsideRoots, fingerprint, legible
from labelmill_storage.imports.globs import Globs
from labelmill_storage.imports.ports import Found, Listed, Loaded, Unreadable
from labelmill_storage.imports.sources import Folder, SourceForbidden, SourceMissing

T = TypeVar("T")

_LISTED_AT_ONCE = 1000
_PIECE_BYTES = 1024 * 1024
_THREADS = 4


class FolderReader:
    """A SourceReader of a directory."""

    def __init__(self, place: Folder, roots: ImportRoots) -> None:
        roots.check(place.path)
        self._top = place.path.rstrip("/") or "/"
        self._globs = Globs(place.include)
        self._roots = roots
        self._threads = Threads(_THREADS, "import-folder")

    async def count(self) -> int:
        """How many items there are."""
        return await self._threads.run(lambda: sum(1 for _ in self._entries()))

    async def listing(self, after: str) -> AsyncGenerator[Listed, None]:
        """All items, directory by directory."""
        found = self._found()
        while batch := await self._threads.run(partial(take, found, _LISTED_AT_ONCE)):
            yield Listed(batch)

    async def find(self, keys: Sequence[str]) -> Sequence[Found]:
        """Nothing: a folder has no cursor."""
        return ()

    async def load(self, items: Sequence[Found]) -> list[Loaded]:
        """Reads small files."""
        slices = await self._threads.spread(items, self._load_all)
        return [loaded for part in slices for loaded in part]

    def pieces(self, item: Found) -> AsyncIterator[bytes]:
        """Reads a large file."""
        return file_pieces(self._roots, self._threads, self._path(item.place))

    async def close(self) -> None:
        """Lets go of the threads."""
        await self._threads.close()

    def _load_all(self, items: Sequence[Found]) -> list[Loaded]:
        return [self._roots.load(self._path(item.place)) for item in items]

    def _path(self, relative: str) -> str:
        return f"{self._top}/{relative}"

    def _found(self) -> Iterator[Found]:
        for relative, entry in self._entries():
            found = self._item(relative, entry)
            if found is not None:
                yield found

    def _item(self, relative: str, entry: os.DirEntry[str] | LabelmillError) -> Found | None:
        raw = os.fsencode(relative)
        if isinstance(entry, LabelmillError):
            return Found(legible(raw), raw, entry.reason, fault=entry)
        try:
            state = entry.stat()
        except FileNotFoundError:
            if not entry.is_symlink():
                return None  # it went a moment ago
            return Found(legible(raw), raw, "dangling", fault=Unreadable("it is a link to nothing"))
        except OSError as error:
            return Found(legible(raw), raw, f"error {error.errno}", fault=import_roots.unreadable(error))
        return Found(legible(raw), raw, fingerprint(state), relative, state.st_size)

    def _entries(self) -> Iterator[tuple[str, os.DirEntry[str] | LabelmillError]]:
        """Everything that is asked for, by its path below the folder; what can be no item comes with its fault."""
        folders = [""]
        while folders:
            below: list[str] = []
            yield from self._entries_of(folders.pop(), below)
            folders += reversed(below)

    def _entries_of(self, folder: str, below: list[str]) -> Iterator[tuple[str, os.DirEntry[str] | LabelmillError]]:
        try:
            with self._roots.opened(self._path(folder) if folder else self._top_real(), directory=True) as descriptor:
                with os.scandir(descriptor) as entries:
                    ordered = sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)
                for entry in ordered:
                    relative = f"{folder}/{entry.name}" if folder else entry.name
                    if entry.is_dir(follow_symlinks=False):
                        below.append(relative)
                    elif (fault := _fault(entry)) is not None:
                        yield relative, fault
                    elif self._globs.match(relative):
                        yield relative, entry
        except FileNotFoundError:
            if not folder:
                raise SourceMissing("folder") from None
        except (OSError, OutsideRoots) as error:
            fault = error if isinstance(error, OutsideRoots) else import_roots.unreadable(error)
            if not folder:
                raise SourceMissing("folder") if isinstance(error, NotADirectoryError) else fault from None
            yield folder, fault

    def _top_real(self) -> str:
        # The folder that the source names may be a link; where it leads to is checked once it is open.
        return os.path.realpath(self._top)


async def file_pieces(roots: ImportRoots, threads: Threads, path: str, below: str = "") -> AsyncIterator[bytes]:
    """A file, piece by piece; raises Unreadable if it changes meanwhile."""
    opened = roots.opened(path, below=below)
    try:
        descriptor = await threads.run(opened.__enter__)
        try:
            before = await threads.run(partial(os.fstat, descriptor))
            while piece := await threads.run(partial(os.read, descriptor, _PIECE_BYTES)):
                yield piece
            if fingerprint(os.fstat(descriptor)) != fingerprint(before):
                raise import_roots.changing()
        finally:
            opened.__exit__(None, None, None)
    except OSError as error:
        raise import_roots.unreadable(error) from None


def take(items: Iterator[T], count: int) -> list[T]:
    """The next items; for a thread."""
    return list(islice(items, count))


def _fault(entry: os.DirEntry[str]) -> LabelmillError | None:
    """Why it can be no item; links to files are settled when they are opened."""
    if entry.is_symlink():
        return SourceForbidden("It is a link to a directory, which is not followed.") if entry.is_dir() else None
    return None if entry.is_file(follow_symlinks=False) else Unreadable("it is no regular file")
