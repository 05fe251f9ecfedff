"""Sends and reads streams so that a failing source of requests fails the caller, not silently the call.

grpc.aio, given an iterator, turns an exception in it into a cancelled call and drops the exception. And when a server
ends a call while a write is under way, grpc.aio may report INTERNAL "Internal error from Core" instead of the server's
status (grpc/grpc#36066), so the status is noted here as it arrives.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Coroutine, Iterable
from typing import Any, TypeAlias

import grpc.aio

Requests: TypeAlias = AsyncIterable[Any] | Iterable[Any]


_FAILED_WRITE = "Internal error from Core"
_STATUS_WITHIN_S = 1.0


class _Ending:
    """The status with which the server ended a call, whatever grpc.aio makes of a failed write before or after it."""

    def __init__(self, call: Any) -> None:
        self._error: grpc.aio.AioRpcError | None = None
        self._arrived = asyncio.Event()
        call.add_done_callback(self._note)

    async def told_by_server(self, error: grpc.aio.AioRpcError) -> grpc.aio.AioRpcError:
        """What the server said, if `error` only says that a write failed."""
        if error.details() != _FAILED_WRITE:
            return error
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._arrived.wait(), _STATUS_WITHIN_S)
        return self._error or error

    def _note(self, call: Any) -> None:
        code, details = _at_once(call.code()), _at_once(call.details())
        if code != grpc.StatusCode.OK and details != _FAILED_WRITE:
            trailers = _at_once(call.trailing_metadata())
            self._error = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailers, details)
            self._arrived.set()


def _at_once(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that has nothing to wait for: the status of an ended call."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("an ended call has a status")


async def send(call: Any, requests: Requests) -> Any:
    """Writes all requests and returns the answer, which may come early. Raises grpc.RpcError."""
    ending = _Ending(call)
    writing = asyncio.create_task(_write_or_cancel(call, requests))
    call.add_done_callback(lambda _: writing.cancel())  # a slow source must not hold up the answer
    try:
        await asyncio.wait([writing])
        if not writing.cancelled():
            writing.result()
        return await call
    except grpc.aio.AioRpcError as error:
        raise await ending.told_by_server(error) from None
    finally:
        writing.cancel()
        call.cancel()  # nothing happens to a call that has ended
        await asyncio.gather(writing, return_exceptions=True)


async def exchange(call: Any, requests: Requests) -> AsyncIterator[Any]:
    """Writes requests while yielding what comes back. Raises grpc.RpcError."""
    ending = _Ending(call)
    writing = asyncio.create_task(_write_or_cancel(call, requests))
    try:
        async for message in _messages(call, writing):
            yield message
        if writing.done():  # the server has said all it will: a slow source is not waited for
            writing.result()
    except grpc.aio.AioRpcError as error:
        raise await ending.told_by_server(error) from None
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
    except (asyncio.InvalidStateError, grpc.aio.AioRpcError):
        return  # the server has answered before the end: the answer says why


async def _iterate(requests: Requests) -> AsyncIterator[Any]:
    if isinstance(requests, AsyncIterable):
        async for request in requests:
            yield request
    else:
        for request in requests:
            yield request
