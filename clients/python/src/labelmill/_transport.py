"""One channel to a server: metadata, deadlines, retries and errors of every call."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import Message

from labelmill import _streams, errors
from labelmill._connection import Connection
from labelmill._retry import Retry
from labelmill._streams import Requests

RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)

Metadata: TypeAlias = Sequence[tuple[str, str]]
MAX_RECEIVE_BYTES = 16 * 1024 * 1024
MAX_SEND_BYTES = 8 * 1024 * 1024
_OPTIONS: list[tuple[str, int]] = [
    ("grpc.max_receive_message_length", MAX_RECEIVE_BYTES),
    ("grpc.max_send_message_length", MAX_SEND_BYTES),
    # A restarted server is found again within a second or two, not after gRPC's two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # Clients of one process share no connection unless they share a client: keys and lifetimes differ.
    ("grpc.use_local_subchannel_pool", 1),
]


class Transport:
    """Makes calls on one channel; for the generated service classes."""

    def __init__(self, connection: Connection, *, timeout_s: float, retry: Retry) -> None:
        self.address = connection.address
        self.tls_ca = connection.tls_ca
        self.timeout_s = timeout_s
        self.retry = retry
        self._authorization = (("authorization", f"Bearer {connection.api_key}"),) if connection.api_key else ()
        self.channel = _channel(connection)

    async def unary(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[RequestT, ResponseT],
        request: RequestT,
        *,
        timeout_s: float | None = None,
        extra: Metadata = (),
    ) -> ResponseT:
        """Calls, and calls again while there is no server and time is left.

        The contract gives every mutating call a `request_id`; it is filled here, once, so that a repeated call is the
        same request and takes effect once. A call whose request has none changes nothing and may be repeated as it is.
        """
        request = _with_request_id(request)
        limit = self.timeout_s if timeout_s is None else timeout_s
        deadline = time.monotonic() + limit
        metadata, call_id = self._metadata(extra)
        attempt = 1
        while True:
            try:
                return await method(request, timeout=max(0.001, deadline - time.monotonic()), metadata=metadata)
            except grpc.RpcError as failure:
                error = errors.from_rpc_error(failure, call_id)
                delay = self.retry.delay_s(attempt, error)
                if delay is None or time.monotonic() + delay >= deadline:
                    raise error from None
            await asyncio.sleep(delay)
            attempt += 1

    async def serve_stream(
        self, method: Any, request: Message, *, timeout_s: float | None = None
    ) -> AsyncIterator[Any]:
        """Yields what the server streams. Leaving the loop early cancels the call; nothing is repeated."""
        metadata, call_id = self._metadata()
        with _errors_of(call_id):
            async for message in _streams.read(method(request, timeout=timeout_s, metadata=metadata)):
                yield message

    async def send_stream(self, method: Any, requests: Requests, *, timeout_s: float | None = None) -> Any:
        """Streams requests and returns the answer; nothing is repeated, because `requests` may run only once."""
        metadata, call_id = self._metadata()
        with _errors_of(call_id):
            return await _streams.send(method(timeout=timeout_s, metadata=metadata), requests)

    async def exchange(self, method: Any, requests: Requests, *, timeout_s: float | None = None) -> AsyncIterator[Any]:
        """Streams requests and yields what comes back; nothing is repeated."""
        metadata, call_id = self._metadata()
        with _errors_of(call_id):
            async for message in _streams.exchange(method(timeout=timeout_s, metadata=metadata), requests):
                yield message

    async def repeat(self, attempt_call: Any) -> Any:
        """Awaits `attempt_call()`, again after UNAVAILABLE; for streams whose input can be sent twice."""
        attempt = 1
        while True:
            try:
                return await attempt_call()
            except errors.Unavailable as error:
                delay = self.retry.delay_s(attempt, error)
                if delay is None:
                    raise
            await asyncio.sleep(delay)
            attempt += 1

    async def close(self) -> None:
        """Closes the channel; calls in flight are cancelled."""
        await self.channel.close()

    def _metadata(self, extra: Metadata = ()) -> tuple[tuple[tuple[str, str], ...], str]:
        call_id = uuid.uuid4().hex
        return (*self._authorization, ("x-request-id", call_id), *extra), call_id


@contextmanager
def _errors_of(call_id: str) -> Iterator[None]:
    try:
        yield
    except grpc.RpcError as failure:
        raise errors.from_rpc_error(failure, call_id) from None


def _with_request_id(request: RequestT) -> RequestT:
    """The request itself, or a copy with an id: the caller's object may well be sent again as another request."""
    if "request_id" not in request.DESCRIPTOR.fields_by_name or getattr(request, "request_id"):  # noqa: B009
        return request
    copy = type(request)()
    copy.CopyFrom(request)
    setattr(copy, "request_id", str(uuid.uuid4()))  # noqa: B010
    return copy


def _channel(connection: Connection) -> grpc.aio.Channel:
    if connection.tls_ca is None:
        return grpc.aio.insecure_channel(connection.address, options=_OPTIONS)
    credentials = grpc.ssl_channel_credentials(root_certificates=connection.tls_ca.read_bytes())
    return grpc.aio.secure_channel(connection.address, credentials, options=_OPTIONS)
