"""Prometheus figures of every call: count by code, duration, calls in flight. Labels are method and code, no more."""

from __future__ import annotations

import time

from prometheus_client import Counter, Gauge, Histogram

from labelmill_runtime.interceptors.call import Call, Method, Proceed
from labelmill_runtime.interceptors.outcome import code_name

_CALLS = Counter("labelmill_rpc", "Calls that ended, by method and status code.", ["method", "code"])
_SECONDS = Histogram(
    "labelmill_rpc_seconds",
    "Duration of calls.",
    ["method"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120, 600),
)
_IN_FLIGHT = Gauge("labelmill_rpc_in_flight", "Calls in flight.", ["method"])


class Metrics:
    """Measures; children are bound once per method, since `labels()` costs more than the measurement."""

    def bind(self, method: Method, proceed: Proceed) -> Proceed:
        """Surrounds the calls of one method."""
        seconds = _SECONDS.labels(method.path)
        in_flight = _IN_FLIGHT.labels(method.path)
        calls: dict[str, Counter] = {}

        def ended(call: Call, error: BaseException | None, started: float) -> None:
            in_flight.dec()
            seconds.observe(time.perf_counter() - started)
            code = code_name(call, error)
            if code not in calls:
                calls[code] = _CALLS.labels(method.path, code)
            calls[code].inc()

        async def measured(call: Call) -> None:
            started = time.perf_counter()
            in_flight.inc()
            try:
                await proceed(call)
            except BaseException as error:
                ended(call, error, started)
                raise
            ended(call, None, started)

        return measured
