"""Files that imports may read: below the import roots, wherever links lead, and never what the service itself keeps."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from labelmill_runtime.errors import LabelmillError
from labelmill_storage.imports.importing import SMALL_BYTES
from labelmill_storage.imports.ports import Loaded, Unreadable
from labelmill_storage.imports.sources import SourceForbidden

_OPENED = Path("/proc/self/fd")
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK  # a named pipe must not hold us up
_TICK_NS = 20_000_000
"""Times of files are no finer than the kernel's clock tick; two changes within one look like one."""
_ATTEMPTS = 3


class OutsideRoots(SourceForbidden):
    """A path that the import roots do not hold."""

    def __init__(self) -> None:
        super().__init__(
            "The path is not below an import root of the service: see LABELMILL_STORAGE_IMPORT_ROOTS, or start with "
            "`labelmill up --import-root DIR`."
        )


class ImportRoots:
    """The directories below which imports may read.

    Args:
        roots: They; none: nothing may be read.
        closed: Directories that stay closed, also below a root: the service's own data.
    """

    def __init__(self, roots: Sequence[Path], closed: Sequence[Path]) -> None:
        self._roots = [_as_parent(os.path.realpath(root.expanduser())) for root in roots]
        self._closed = [_as_parent(os.path.realpath(folder.expanduser())) for folder in closed]

    def check(self, path: str) -> None:
        """Refuses a path outside of the roots, links resolved, whether it exists or not."""
        if not self.hold(os.path.realpath(path)):
            raise OutsideRoots

    def hold(self, real_path: str) -> bool:
        """Whether a path without links is open to imports."""
        path = _as_parent(real_path)
        return any(path.startswith(root) for root in self._roots) and not any(
            path.startswith(folder) for folder in self._closed
        )

    @contextmanager
    def opened(self, path: str, *, directory: bool = False, below: str = "") -> Iterator[int]:
        """The descriptor of a file or directory, of which is known that it lies below a root (and below a folder).

        What was opened is checked, not its name: nobody can exchange one for the other in between.

        Raises:
            OutsideRoots: It is elsewhere.
            Unreadable: It is no regular file.
            OSError: It cannot be opened.
        """
        descriptor = os.open(path, _READ | (os.O_DIRECTORY | os.O_NOFOLLOW if directory else 0))
        try:
            real = _real_path(descriptor, path)
            if not self.hold(real) or (below and not real.startswith(_as_parent(os.path.realpath(below)))):
                raise OutsideRoots
            if not directory and not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Unreadable("it is no regular file")
            yield descriptor
        finally:
            os.close(descriptor)

    def load(self, path: str, below: str = "") -> Loaded:
        """Reads a small file as a whole."""
        try:
            with self.opened(path, below=below) as descriptor:
                for _ in range(_ATTEMPTS):
                    before = _settled(descriptor)
                    if before.st_size > SMALL_BYTES:
                        return Loaded(fingerprint(before), None, is_large=True)
                    content = os.pread(descriptor, before.st_size + 1, 0)
                    if fingerprint(os.fstat(descriptor)) == fingerprint(before) and len(content) == before.st_size:
                        return Loaded(fingerprint(before), content)
                return Loaded(fingerprint(before), changing())
        except FileNotFoundError:
            return Loaded("", None)
        except LabelmillError as error:
            return Loaded("", error)
        except OSError as error:
            return Loaded("", unreadable(error))


def fingerprint(found: os.stat_result) -> str:
    """Changes when a file does."""
    return f"{found.st_size}-{found.st_mtime_ns}-{found.st_ino}"


def changing() -> Unreadable:
    """For a file that does not keep still."""
    return Unreadable("it changes while it is read")


def unreadable(error: OSError) -> Unreadable:
    """What the operating system said, without the path."""
    return Unreadable(errno.errorcode.get(error.errno or 0, "an unknown fault"))


def legible(raw: bytes) -> str:
    """A file's name as proper Unicode; bytes that are no UTF-8 are spelled out."""
    return raw.decode("utf-8", "backslashreplace")


def _settled(descriptor: int) -> os.stat_result:
    """The state of a file after which any change gives it another time."""
    found = os.fstat(descriptor)
    age_ns = time.time_ns() - found.st_mtime_ns
    if 0 <= age_ns < _TICK_NS:
        time.sleep((_TICK_NS - age_ns) / 1e9)
        found = os.fstat(descriptor)
    return found


def _real_path(descriptor: int, path: str) -> str:
    try:
        return os.readlink(f"{_OPENED}/{descriptor}")  # noqa: PTH115 - names may be no UTF-8, and this is a hot path
    except OSError:  # no Linux
        return os.path.realpath(path)


def _as_parent(path: str) -> str:
    return path.rstrip("/") + "/"
