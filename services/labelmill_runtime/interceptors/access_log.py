"""One log line per call: method, code, duration, caller. Never a payload, never a resource name."""

from __future__ import annotations

import time

import structlog

from labelmill_runtime.access import is_public
from labelmill_runtime.errors import LabelmillError
from labelmill_runtime.interceptors.call import Call, Method, Proceed
from labelmill_runtime.interceptors.outcome import code_name


class AccessLog:
    """Writes the line when the call ends; health probes go to DEBUG."""

    def bind(self, method: Method, proceed: Proceed) -> Proceed:
        """Surrounds the calls of one method."""
        logger = structlog.get_logger()
        write = logger.debug if is_public(method.path) else logger.info

        def ended(call: Call, error: BaseException | None, started: float) -> None:
            write(
                "rpc",
                method=method.path,
                code=code_name(call, error),
                reason=error.reason if isinstance(error, LabelmillError) else None,
                duration_ms=round((time.perf_counter() - started) * 1000, 2),
                principal=call.principal.id if call.principal else None,
                **call.facts,
            )

        async def logged(call: Call) -> None:
            started = time.perf_counter()
            try:
                await proceed(call)
            except BaseException as error:
                ended(call, error, started)
                raise
            ended(call, None, started)

        return logged
