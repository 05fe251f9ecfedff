"""Ends a worker process with the server that started it, whatever ended the server."""

from __future__ import annotations

import os
import sys
import threading

FLAG = "--end-with-stdin"
"""The argument by which a server asks for it; without, a worker can be run by hand."""


def end_with_parent() -> None:
    """Exits when standard input closes: the server holds its other end, and the kernel closes that with the server."""
    if FLAG not in sys.argv:
        return
    threading.Thread(target=_wait, daemon=True, name="lifeline").start()


def _wait() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(1)
