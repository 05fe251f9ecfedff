"""Runs every call of every kind through the layers; the only gRPC interceptor there is.

A handler is wrapped once per method. Inside, all four kinds have one shape: requests come in as bytes (the decoding
layer parses them, so that undecodable bytes are an error like any other), responses are written, also those of a
generator, so that a deadline or a log line spans the whole call, writes included.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, TypeAlias

import grpc
import grpc.aio

from labelmill_runtime.interceptors.call import Call, Layer, Method, Proceed

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class Chain(grpc.aio.ServerInterceptor):
    """The layers, outermost first, around every method."""

    def __init__(self, layers: Sequence[Layer] = ()) -> None:
        self._layers = tuple(layers)
        self._wrapped: dict[str, Handler] = {}

    def use(self, layers: Sequence[Layer]) -> None:
        """Sets the layers; before the server starts, since gRPC wants its interceptors before the services exist."""
        self._layers = tuple(layers)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """The wrapped handler of the method; None (UNIMPLEMENTED) for an unknown one."""
        path = str(handler_call_details.method)
        wrapped = self._wrapped.get(path)
        if wrapped is None:
            handler = await continuation(handler_call_details)
            if handler is None:
                return None
            wrapped = self._wrapped[path] = self._wrap(path, handler)
        return wrapped

    def _wrap(self, path: str, handler: Handler) -> Handler:
        method = Method(
            path,
            bool(handler.request_streaming),
            bool(handler.response_streaming),
            handler.request_deserializer or bytes,
            handler.response_serializer or bytes,
        )
        proceed = _innermost(method, handler)
        for layer in reversed(self._layers):
            proceed = layer.bind(method, proceed)
        return _MAKERS[method.streams_requests, method.streams_responses](_outermost(method, proceed))


_MAKERS: dict[tuple[bool, bool], Callable[[Any], Handler]] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


def _outermost(method: Method, proceed: Proceed) -> Callable[[Any, Any], Awaitable[Any]]:
    async def serve(incoming: Any, context: Any) -> bytes | None:
        metadata = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
        call = Call(context, metadata)
        if method.streams_requests:
            call.requests = incoming  # iterated by the decoding layer; gRPC's own iterator must not be made and dropped
        else:
            call.request = incoming
        await proceed(call)
        return None if method.streams_responses else call.response

    return serve


def _innermost(method: Method, handler: Handler) -> Proceed:
    kind = ("stream" if method.streams_requests else "unary") + ("_stream" if method.streams_responses else "_unary")
    behavior: Callable[[Any, Any], Any] = getattr(handler, kind)
    encode = method.encode

    async def unary(call: Call) -> None:
        context = MessageContext(call, method) if method.streams_requests else call.context
        call.response = encode(await behavior(call.requests if method.streams_requests else call.request, context))

    async def stream(call: Call) -> None:
        context = MessageContext(call, method)
        result = behavior(call.requests if method.streams_requests else call.request, context)
        if not hasattr(result, "__aiter__"):
            await result  # a servicer that calls context.write itself
            return
        async with aclosing(result) as responses:
            async for response in responses:
                await context.write(response)

    return stream if method.streams_responses else unary


class MessageContext:
    """The servicer's context of a stream: reads and writes messages, and reads only through the layers."""

    def __init__(self, call: Call, method: Method) -> None:
        self._context = call.context
        self._requests: AsyncIterator[Any] | None = call.requests
        self._encode = method.encode

    async def read(self) -> Any:
        """The next request, or `grpc.aio.EOF`."""
        if self._requests is None:
            return grpc.aio.EOF
        return await anext(self._requests, grpc.aio.EOF)

    async def write(self, message: Any) -> None:
        """Sends a response."""
        await self._context.write(self._encode(message))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)
