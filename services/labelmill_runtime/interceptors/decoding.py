"""Parses requests; bytes that are no such message are the caller's mistake, not an unknown error."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from google.protobuf.message import DecodeError

from labelmill_runtime.errors import InvalidArgument
from labelmill_runtime.interceptors.call import Call, Method, Proceed


class Decoding:
    """Turns the request bytes of a call into messages."""

    def bind(self, method: Method, proceed: Proceed) -> Proceed:
        """Surrounds the calls of one method."""

        def decode(raw: bytes) -> Any:
            try:
                return method.decode(raw)
            except DecodeError:
                raise InvalidArgument("MALFORMED_REQUEST", "The request bytes are not the expected message.") from None

        async def decoded(requests: AsyncIterator[bytes]) -> AsyncIterator[Any]:
            async for raw in requests:
                yield decode(raw)

        async def decoding(call: Call) -> None:
            if call.requests is not None:
                call.requests = decoded(call.requests)
            else:
                call.request = decode(call.request)
            await proceed(call)

        return decoding
