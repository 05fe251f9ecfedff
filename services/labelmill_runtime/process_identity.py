"""Names the running process so that a later one on the same host can tell whether it is still alive."""

from __future__ import annotations

import os
import socket
from functools import lru_cache
from pathlib import Path

_START_TIME_FIELD = 19  # field 22 of /proc/<pid>/stat, counted after the command name's closing parenthesis


@lru_cache(maxsize=1)
def _host() -> str:
    try:
        namespace = Path("/proc/self/ns/pid").stat().st_ino  # two containers may share a host name, never this
    except OSError:
        namespace = 0
    return f"{socket.gethostname()[:120]}/{namespace}"


def this_process() -> str:
    """host/namespace:pid:start time - unique, also when the pid is used again."""
    return f"{_host()}:{os.getpid()}:{_start_time(os.getpid())}"


def is_dead(identity: str) -> bool:
    """Whether that process certainly no longer runs; False for one on another host, of which nothing is known."""
    host, _, tail = identity.partition(":")
    pid, _, started = tail.partition(":")
    if host != _host() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False  # it lives, as somebody else
    return _start_time(int(pid)) != started


def _start_time(pid: int) -> str:
    """Clock ticks since boot at which the process started; empty where there is no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[_START_TIME_FIELD]  # a zombie process has ended, unburied
