"""List RPCs as iterators: pages are asked for as they are needed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from labelmill._transport import Transport

RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)
ItemT = TypeVar("ItemT")
PAGE_SIZE = 250
"""Asked for where the request leaves the page size open: fewer round trips than the server's 50."""


class Listing(Generic[RequestT, ResponseT, ItemT]):
    """One List RPC: call it for an iterator over all items, or `page` for one page."""

    def __init__(self, transport: Transport, method: Any, items_field: str) -> None:
        self._transport = transport
        self._method = method
        self._items_field = items_field

    async def __call__(self, request: RequestT, *, timeout_s: float | None = None) -> AsyncIterator[ItemT]:
        """Yields every item from the request's page token on. The timeout is that of one page."""
        async for response in self.pages(request, timeout_s=timeout_s):
            for item in getattr(response, self._items_field):
                yield item

    async def pages(self, request: RequestT, *, timeout_s: float | None = None) -> AsyncIterator[ResponseT]:
        """Yields page after page."""
        asked: Any = type(request)()
        asked.CopyFrom(request)
        asked.page_size = asked.page_size or PAGE_SIZE
        while True:
            response = await self.page(asked, timeout_s=timeout_s)
            yield response
            asked.page_token = getattr(response, "next_page_token")  # noqa: B009
            if not asked.page_token:
                return

    async def page(self, request: RequestT, *, timeout_s: float | None = None) -> ResponseT:
        """One page, as the server answers it."""
        response: ResponseT = await self._transport.unary(self._method, request, timeout_s=timeout_s)
        return response
