"""How a call ended, for metrics and the access log."""

from __future__ import annotations

import asyncio

import grpc.aio

from labelmill_runtime.errors import Code, LabelmillError
from labelmill_runtime.interceptors.call import Call


def code_name(call: Call, error: BaseException | None) -> str:
    """The name of the status code with which the call ends."""
    if error is None or isinstance(error, grpc.aio.AbortError):
        return _code_of_context(call)
    if isinstance(error, LabelmillError):
        return error.code.name
    if isinstance(error, asyncio.CancelledError):
        remaining = call.context.time_remaining()
        return Code.DEADLINE_EXCEEDED.name if remaining is not None and remaining <= 0 else Code.CANCELLED.name
    return Code.INTERNAL.name


def _code_of_context(call: Call) -> str:
    # grpcio's type stubs say StatusCode; at run time it is the number, or None or 0 before anything was set.
    code = getattr(call.context, "code")()  # noqa: B009
    return Code(code.value[0] if hasattr(code, "value") else int(code or 0)).name
