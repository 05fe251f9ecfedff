"""Sends and reads streams so that a failing source of requests fails the caller, not silently the call.

grpc.aio, given an iterator, turns an exception in it into a cancelled call and drops the exception.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import Any, TypeAlias

Requests: TypeAlias = AsyncIterable[Any] | Iterable[Any]


async def send(call: Any, requests: Requests) -> Any:
    """Writes all requests and returns the answer, which may come early. Raises grpc.RpcError."""
    try:
        await _write(call, requests)
        return await call
    finally:
        call.cancel()  # nothing happens to a call that has ended


async def exchange(call: Any, requests: Requests) -> AsyncIterator[Any]:
    """Writes requests while yielding what comes back. Raises grpc.RpcError."""
    writing = asyncio.create_task(_write_or_cancel(call, requests))
    try:
        async for message in _messages(call, writing):
            yield message
        await writing
    finally:
        call.cancel()
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


async def read(call: Any) -> AsyncIterator[Any]:
    """Yields what comes; leaving early cancels the call. Raises grpc.RpcError."""
    try:
        async for message in call:
            yield message
    finally:
        call.cancel()


async def _messages(call: Any, writing: asyncio.Task[None]) -> AsyncIterator[Any]:
    try:
        async for message in call:
            yield message
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if writing.done() and not writing.cancelled() and not (task and task.cancelling()):
            await writing  # it failed and cancelled the call: its exception is the caller's
        raise


async def _write_or_cancel(call: Any, requests: Requests) -> None:
    try:
        await _write(call, requests)
    except BaseException:
        call.cancel()
        raise


async def _write(call: Any, requests: Requests) -> None:
    try:
        async for request in _iterate(requests):
            await call.write(request)
        await call.done_writing()
    except asyncio.InvalidStateError:
        return  # the server has answered before the end: the answer says why


async def _iterate(requests: Requests) -> AsyncIterator[Any]:
    if isinstance(requests, AsyncIterable):
        async for request in requests:
            yield request
    else:
        for request in requests:
            yield request
