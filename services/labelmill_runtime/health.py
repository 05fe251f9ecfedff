"""The health service: "" and every served name say whether to send work; "liveness" only that the process lives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog
from grpc_health.v1 import health, health_pb2

from labelmill_runtime import faults

LIVENESS = "liveness"
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
_CHECK_TIMEOUT_S = 2.0

Ready = Callable[[], Awaitable[bool]]


class Health:
    """Publishes readiness, re-checked every `interval_s`, until the drain begins."""

    def __init__(
        self, names: Mapping[str, Sequence[str]], checks: Mapping[str, Ready], interval_s: float = 2.0
    ) -> None:
        self.servicer = health.aio.HealthServicer()
        self._names = names
        self._checks = checks
        self._interval_s = interval_s
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Publishes the first state and keeps it current."""
        await self.servicer.set(LIVENESS, _SERVING)
        await self._publish()
        if self._checks:
            self._watch = asyncio.create_task(self._keep_current())

    async def drain(self) -> None:
        """Says NOT_SERVING everywhere but for liveness: a draining process is not a dead one."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        for name in ("", *(name for names in self._names.values() for name in names)):
            await self.servicer.set(name, _NOT_SERVING)

    async def _keep_current(self) -> None:
        while True:
            await asyncio.sleep(self._interval_s)
            await self._publish()

    async def _publish(self) -> None:
        all_ready = True
        for service, names in self._names.items():
            ready = service not in self._checks or await _passes(service, self._checks[service])
            all_ready &= ready
            for name in names:
                await self.servicer.set(name, _SERVING if ready else _NOT_SERVING)
        await self.servicer.set("", _SERVING if all_ready else _NOT_SERVING)


async def _passes(service: str, check: Ready) -> bool:
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT_S):
            return await check()
    except Exception as error:
        structlog.get_logger().warning("health.check_failed", service=service, **faults.describe(error))
        return False
