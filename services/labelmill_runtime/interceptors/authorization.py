"""Decides whether the caller may do this, by the RPC's own access rule and the project that the request names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from labelmill_runtime.access import Authorizer, is_public
from labelmill_runtime.errors import InvalidArgument, Unauthenticated
from labelmill_runtime.interceptors.call import Call, Method, Proceed


class Authorization:
    """Lets a call pass or refuses it; a stream is decided by its first message, before the servicer sees any."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    def bind(self, method: Method, proceed: Proceed) -> Proceed:
        """Surrounds the calls of one method."""
        if is_public(method.path):
            return proceed
        rule = self._authorizer.rule(method.path)
        reads_first = method.streams_requests and rule is not None and bool(rule.project_field)

        async def authorized(call: Call) -> None:
            if call.principal is None:
                raise Unauthenticated("NO_PRINCIPAL", "The caller is not known.")
            request = call.request
            if reads_first and call.requests is not None:
                request = await anext(call.requests, None)
                if request is None:
                    raise InvalidArgument("EMPTY_STREAM", "The stream ended before its first message.")
                call.requests = _again(request, call.requests)
            self._authorizer.authorize(call.principal, method.path, rule, request)
            await proceed(call)

        return authorized


async def _again(first: Any, rest: AsyncIterator[Any]) -> AsyncIterator[Any]:
    yield first
    async for request in rest:
        yield request
