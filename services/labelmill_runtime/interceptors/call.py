"""One RPC in flight, in the same shape for all four kinds, and the protocol of what surrounds it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import grpc.aio

from labelmill_runtime.principal import Principal


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC method as it is served."""

    path: str
    """/package.Service/Method"""
    streams_requests: bool
    streams_responses: bool
    decode: Callable[[bytes], Any]
    encode: Callable[[Any], bytes]

    @property
    def is_stream(self) -> bool:
        """Whether either side streams."""
        return self.streams_requests or self.streams_responses


@dataclass(slots=True)
class Call:
    """One call of a method. Layers may replace `request` or wrap `requests` on the way in."""

    context: grpc.aio.ServicerContext[Any, Any]
    metadata: dict[str, str]
    request: Any = None
    """The request of a unary-request call: bytes at first, a message below the decoding layer."""
    requests: AsyncIterator[Any] | None = None
    """The same for a call that streams requests."""
    response: bytes = b""
    """The encoded response of a unary-response call."""
    request_id: str = ""
    principal: Principal | None = None
    facts: dict[str, str | int] = field(default_factory=dict)
    """Ids and counts that the access log adds to its line."""


Proceed = Callable[[Call], Awaitable[None]]


class Layer(Protocol):
    """One concern around every call."""

    def bind(self, method: Method, proceed: Proceed) -> Proceed:
        """Called once per method: surrounds `proceed`, which runs the rest of the call."""
