"""Gives every call an id (the caller's, if it sends one) that stands on its log lines and in its trailers."""

from __future__ import annotations

import re

import structlog

from labelmill_runtime.ids import ulid
from labelmill_runtime.interceptors.call import Call, Method, Proceed
from labelmill_runtime.principal import set_current_request_id

_LEGAL = re.compile(r"[A-Za-z0-9_-]{8,64}")


class RequestContext:
    """Sets the request id; gRPC runs each call in a context of its own, so nothing needs to be undone."""

    def bind(self, method: Method, proceed: Proceed) -> Proceed:
        """Surrounds the calls of one method."""

        async def identified(call: Call) -> None:
            offered = call.metadata.get("x-request-id", "")
            # Anything else (a name, a line break) would end up in our logs.
            call.request_id = offered if _LEGAL.fullmatch(offered) else ulid()
            set_current_request_id(call.request_id)
            structlog.contextvars.bind_contextvars(request_id=call.request_id)
            call.context.set_trailing_metadata((("x-request-id", call.request_id),))
            await proceed(call)

        return identified
