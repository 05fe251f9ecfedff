"""For work that can wait: jobs and streams, which have brakes of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from labelmill_runtime.errors import ResourceExhausted

T = TypeVar("T")


async def patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """What an attempt gives as soon as there is room for it; callers in a hurry are refused instead."""
    while True:
        try:
            return await attempt()
        except ResourceExhausted as error:
            await asyncio.sleep(error.retry_after_s or 1.0)
