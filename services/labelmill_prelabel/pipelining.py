"""Answers the messages of a stream while the next ones arrive, a few at a time. Pure asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


async def pipelined(requests: AsyncIterator[Q], answer: Callable[[Q], Awaitable[A]], depth: int) -> AsyncIterator[A]:
    """Answers as they are ready, with at most `depth` requests in work; reads no faster than that.

    An error in one answer, or in reading, ends the stream with that error.
    """
    answering: set[asyncio.Task[A]] = set()
    reading: asyncio.Task[Q | None] | None = asyncio.create_task(_next(requests))
    try:
        while reading is not None or answering:
            waiting: set[asyncio.Task[A] | asyncio.Task[Q | None]] = set(answering)
            if reading is not None and len(answering) < depth:
                waiting.add(reading)
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if reading is not None and reading in done:
                request = reading.result()
                reading = None
                if request is not None:
                    answering.add(asyncio.create_task(_answer(answer, request)))
                    reading = asyncio.create_task(_next(requests))
            for task in [task for task in answering if task in done]:
                answering.discard(task)
                yield task.result()
    finally:
        left = [*answering, *([reading] if reading is not None else [])]
        for unfinished in left:
            unfinished.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def _next(requests: AsyncIterator[Q]) -> Q | None:
    return await anext(requests, None)


async def _answer(answer: Callable[[Q], Awaitable[A]], request: Q) -> A:
    return await answer(request)
