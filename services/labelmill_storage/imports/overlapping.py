"""Work on several items at once, with results in the order of the items. Pure."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

T = TypeVar("T")


async def mapped(
    items: AsyncGenerator[T, None], work: Callable[[T], Awaitable[T]], at_once: int
) -> AsyncGenerator[T, None]:
    """What work makes of the items, in their order; it works on some while what is made is used."""
    running: deque[asyncio.Task[T]] = deque()
    try:
        async with aclosing(items):
            async for item in items:
                running.append(asyncio.create_task(_made(work, item)))
                if len(running) == at_once:
                    yield await running.popleft()
        while running:
            yield await running.popleft()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _made(work: Callable[[T], Awaitable[T]], item: T) -> T:
    return await work(item)
