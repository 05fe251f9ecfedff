"""Trying again what fails for a reason that passes. Pure."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from labelmill_runtime.errors import Aborted, DeadlineExceeded, LabelmillError, ResourceExhausted, Unavailable

T = TypeVar("T")

PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0)
"""How long to wait before trying again what failed for a reason that passes."""


def passes(error: LabelmillError) -> bool:
    """Whether the same may well work later: such an error is no dead letter."""
    if isinstance(error, ResourceExhausted):
        return error.reason != "CONTENT_TOO_LARGE"
    return isinstance(error, Unavailable | Aborted | DeadlineExceeded)


async def patiently(work: Callable[[], Awaitable[T]]) -> T:
    """Tries again for some seconds what fails for a reason that passes."""
    for pause in PAUSES_S:
        try:
            return await work()
        except (Unavailable, Aborted, ResourceExhausted):
            await asyncio.sleep(pause)
    return await work()
