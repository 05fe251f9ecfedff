"""What runs in the worker process that reads hostile files: one content at a time, limited in time and memory."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from labelmill_storage.contents.samples import Sample
from labelmill_storage.ports import Findings

_GRACE_S = 1.0


def prepare(memory_bytes: int) -> None:
    """Limits this process."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, _out_of_time)


def examine(read: Callable[[str, Path], Findings], media_type: str, sample: Sample, limit_s: float) -> Findings:
    """Has a content read as a file. Whatever goes wrong: nothing is known."""
    try:
        with _limited(limit_s), _file(sample) as path:
            return read(media_type, path)
    except Exception:  # parsers fail on hostile files in every way there is
        return Findings()


def read(media_type: str, path: Path) -> Findings:
    """Reads an image of a rarer format, or audio or video."""
    # Each library is loaded when its first file comes.
    if media_type.startswith("image/"):
        from labelmill_storage.adapters.probes import probe_images

        return Findings(image_size=probe_images.image_size(path))
    from labelmill_storage.adapters.probes import probe_media

    return Findings(duration_ms=probe_media.duration_ms(path))


@contextlib.contextmanager
def _limited(limit_s: float) -> Iterator[None]:
    """Interrupts Python code after the limit, and ends the process when native code does not come back after that."""
    with Path(os.devnull).open("w") as nowhere:
        faulthandler.dump_traceback_later(limit_s + _GRACE_S, exit=True, file=nowhere)
        signal.setitimer(signal.ITIMER_REAL, limit_s)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            faulthandler.cancel_dump_traceback_later()


@contextlib.contextmanager
def _file(sample: Sample) -> Iterator[Path]:
    """The content as a file of its true size, with a hole where nothing was kept.

    It has no name and is on no disk: a process that is killed leaves nothing of it.
    """
    descriptor = os.memfd_create("content")
    try:
        os.ftruncate(descriptor, sample.size_bytes)
        os.pwrite(descriptor, sample.head, 0)
        os.pwrite(descriptor, sample.tail, sample.tail_at)
        yield Path(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


def _out_of_time(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError
