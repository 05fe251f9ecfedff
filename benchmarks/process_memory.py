"""The memory that a process and its children hold together."""

from __future__ import annotations

import os
import re
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def watched(pid: int) -> Iterator[list[int]]:
    """Notes the most memory (RSS) that a process and its children hold together meanwhile, in bytes."""
    most, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            most[0] = max(most[0], sum(rss(one) for one in (pid, *children(pid))))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield most
    finally:
        over.set()
        thread.join()


def children(pid: int) -> list[int]:
    """The child processes of a process, and theirs."""
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [one for child in map(int, listed) for one in (child, *children(child))]


def rss(pid: int) -> int:
    """The memory of a process in bytes; 0 for one that has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except FileNotFoundError:
        return 0


def peak_bytes() -> int:
    """The most memory that this process has held since its program began.

    Not from getrusage where there is /proc: its figure goes on over exec, so that a small program looks as large as
    whoever started it.
    """
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return 1024 * (int(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
