"""What parsers do on hostile bytes, as functions that run in the worker process in place of the libraries."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from labelmill_storage.ports import Findings


def read(media_type: str, path: Path) -> Findings:
    """Does what the content asks for; otherwise all is well, and the duration is the process's id."""
    content = path.read_bytes()
    if b"crash" in content:
        os.kill(os.getpid(), signal.SIGSEGV)
    if b"hang in Python" in content:
        while True:
            time.sleep(0.01)
    if b"hang in native code" in content:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        time.sleep(600)
    if b"take all memory" in content:
        bytearray(8 * 1024**3)
    if b"raise" in content:
        raise RuntimeError(content)
    return Findings(duration_ms=os.getpid())
