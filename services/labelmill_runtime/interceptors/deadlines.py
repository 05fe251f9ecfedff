"""Gives a deadline to calls whose client set none; gRPC itself cancels the handler when the client's own is over."""

from __future__ import annotations

import asyncio

from labelmill_runtime.errors import DeadlineExceeded
from labelmill_runtime.interceptors.call import Call, Method, Proceed


class Deadlines:
    """Applies the default deadlines."""

    def __init__(self, unary_s: float, stream_s: float) -> None:
        self._unary_s = unary_s
        self._stream_s = stream_s

    def bind(self, method: Method, proceed: Proceed) -> Proceed:
        """Surrounds the calls of one method."""
        default_s = self._stream_s if method.is_stream else self._unary_s

        async def limited(call: Call) -> None:
            if call.context.time_remaining() is not None:
                await proceed(call)
                return
            limit = asyncio.timeout(default_s)
            try:
                async with limit:
                    await proceed(call)
            except TimeoutError:
                if not limit.expired():
                    raise  # some other timeout, inside the handler
                raise DeadlineExceeded(
                    "DEADLINE_EXCEEDED",
                    "The call set no deadline and outlasted the default one.",
                    metadata={"default_deadline_s": f"{default_s:g}"},
                ) from None

        return limited
