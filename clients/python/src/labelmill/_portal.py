"""The bridge from threads to the asyncio client: one background event loop for all sync clients of a process."""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from labelmill import errors
from labelmill._listing import Listing
from labelmill._operation import Operation

T = TypeVar("T")
RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)
ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT", bound=Message)
MetadataT = TypeVar("MetadataT", bound=Message)
_END = object()
_STOP_WITHIN_S = 2.0


class Portal:
    """Runs coroutines in the background loop and waits for them; usable from any number of threads."""

    def __init__(self) -> None:
        self._loop = _background_loop()

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result. Interrupting the waiting thread (Ctrl-C) cancels the coroutine."""
        if threading.current_thread() is _thread:
            coroutine.close()
            raise RuntimeError("labelmill.Client would wait for itself here; use labelmill.aio.Client in coroutines")
        if not self._loop.is_running():
            coroutine.close()
            raise RuntimeError("the interpreter is ending; labelmill.Client cannot be used any more")
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def iterate(self, items: AsyncIterator[T]) -> Iterator[T]:
        """Pulls from an asynchronous iterator; leaving the loop early closes it."""
        try:
            while (item := self.call(_next(items))) is not _END:
                yield item
        finally:
            self._close_later(items)

    def _close_later(self, items: AsyncIterator[T]) -> None:
        """Does not wait: the garbage collector closes a forgotten iterator, in any thread, even at the very end."""
        if self._loop.is_running():
            asyncio.run_coroutine_threadsafe(_close(items), self._loop)

    async def feed(self, items: Iterable[T]) -> AsyncIterator[T]:
        """The items of a blocking iterable, each drawn in a worker thread: drawing may take its time."""
        iterator = iter(items)
        while (item := await asyncio.to_thread(next, iterator, _END)) is not _END:
            yield item  # type: ignore[misc]


class SyncListing(Generic[RequestT, ResponseT, ItemT]):
    """One List RPC: call it for an iterator over all items, or `page` for one page."""

    def __init__(self, portal: Portal, listing: Listing[RequestT, ResponseT, ItemT], items_field: str) -> None:
        self._portal = portal
        self._listing = listing
        self._items_field = items_field

    def __call__(self, request: RequestT, *, timeout_s: float | None = None) -> Iterator[ItemT]:
        """Yields every item from the request's page token on. The timeout is that of one page."""
        for response in self.pages(request, timeout_s=timeout_s):
            yield from getattr(response, self._items_field)

    def pages(self, request: RequestT, *, timeout_s: float | None = None) -> Iterator[ResponseT]:
        """Yields page after page."""
        return self._portal.iterate(self._listing.pages(request, timeout_s=timeout_s))

    def page(self, request: RequestT, *, timeout_s: float | None = None) -> ResponseT:
        """One page, as the server answers it."""
        return self._portal.call(self._listing.page(request, timeout_s=timeout_s))


class SyncOperation(Generic[ResultT, MetadataT]):
    """Work that goes on in the server, whether or not anybody waits; survives restarts of either side.

    Pick it up again anywhere by `client.operation(name)`.
    """

    def __init__(self, portal: Portal, operation: Operation[ResultT, MetadataT]) -> None:
        self._portal = portal
        self._operation = operation

    @property
    def name(self) -> str:
        """projects/{project}/operations/{operation}."""
        return self._operation.name

    @property
    def done(self) -> bool:
        """Whether it had ended when last heard of; `refresh` asks again."""
        return self._operation.done

    @property
    def error(self) -> errors.LabelmillError | None:
        """Why it failed, when last heard of."""
        return self._operation.error

    def metadata(self) -> MetadataT:
        """Progress, as last heard of; `refresh` asks again."""
        return self._operation.metadata()

    def refresh(self) -> SyncOperation[ResultT, MetadataT]:
        """Asks the server how far it is, and returns itself."""
        self._portal.call(self._operation.refresh())
        return self

    def result(self, timeout_s: float | None = None, on_progress: Callable[[MetadataT], None] | None = None) -> ResultT:
        """Waits for the end and returns the typed result.

        Args:
            timeout_s: Gives up waiting after this long (the operation goes on); None: never.
            on_progress: Called with the metadata whenever it changed, at most once a second, from another thread.

        Raises:
            LabelmillError: Why the operation failed; `Cancelled` if it was cancelled.
            DeadlineExceeded: It is not done after `timeout_s`.
        """
        return self._portal.call(self._operation.result(timeout_s, on_progress))

    def cancel(self) -> None:
        """Asks it to stop at its next checkpoint; what it has done stays. `result` then raises Cancelled."""
        self._portal.call(self._operation.cancel())

    def delete(self) -> None:
        """Forgets a finished operation."""
        self._portal.call(self._operation.delete())


async def _next(items: AsyncIterator[T]) -> Any:
    return await anext(items, _END)


async def _close(items: AsyncIterator[T]) -> None:
    close = getattr(items, "aclose", None)
    if close is not None:
        await close()


_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_thread: threading.Thread | None = None


def _background_loop() -> asyncio.AbstractEventLoop:
    """The loop, started at first use; its daemon thread ends with the process."""
    global _loop, _thread  # noqa: PLW0603 - one loop per process, because grpc.aio polls once per process
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            _thread = threading.Thread(target=_loop.run_forever, name="labelmill-client", daemon=True)
            running = threading.Event()
            _loop.call_soon(running.set)
            _thread.start()
            running.wait()
            atexit.register(_stop, _loop, _thread)
        return _loop


def _stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    loop.call_soon_threadsafe(loop.stop)
    thread.join(_STOP_WITHIN_S)
