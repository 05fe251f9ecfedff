"""What the worker processes of the tests run; they import this by name."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from labelmill_runtime.errors import ResourceExhausted

_state = "cold"


def warm_up(state: str) -> None:
    global _state  # noqa: PLW0603 - what a warm worker is
    _state = state


def where() -> tuple[int, str]:
    return os.getpid(), _state


def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def divide(a: int, b: int) -> float:
    return a / b


def refuse() -> None:
    raise ResourceExhausted("TOO_MUCH", "Too much.", retry_after_s=2.0)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(marker: str) -> str:
    path = Path(marker)
    if not path.exists():
        path.touch()
        die()
    return "alive"
