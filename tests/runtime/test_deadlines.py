"""No call runs for ever, and a call that nobody waits for any more does not run at all."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import grpc
import pytest

from tests.runtime.calls import KINDS, refused, say
from tests.runtime.conftest import Running


@pytest.mark.parametrize("kind", KINDS)
async def test_a_call_without_deadline_gets_the_default_one(run: Running, kind: str) -> None:
    started = time.monotonic()
    refusal = await refused(run.stub, kind, [say(mode="sleep", times=1000)], run.as_("manager"), timeout=None)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
    expected = run.settings.default_deadline_s if kind == "Say" else run.settings.default_stream_deadline_s
    assert expected <= time.monotonic() - started < expected + 1
    assert run.echo.servicer.cancelled.is_set()
    assert run.log.events("rpc")[-1]["code"] == "DEADLINE_EXCEEDED"


@pytest.mark.parametrize("kind", KINDS)
async def test_the_clients_deadline_cancels_the_handler(run: Running, kind: str) -> None:
    refusal = await refused(run.stub, kind, [say(mode="sleep", times=1000)], run.as_("manager"), timeout=0.3)
    assert refusal.code is grpc.StatusCode.DEADLINE_EXCEEDED
    await asyncio.wait_for(run.echo.servicer.cancelled.wait(), 1)


@pytest.mark.parametrize("kind", KINDS)
async def test_cancelling_the_call_cancels_the_handler(run: Running, kind: str) -> None:
    request = say(mode="sleep", times=1000)
    requests: Any = iter([request]) if kind in ("SayMany", "Chat") else request
    call = getattr(run.stub, kind)(requests, metadata=run.as_("manager"), timeout=10)
    await asyncio.wait_for(run.echo.servicer.started.wait(), 2)
    call.cancel()
    await asyncio.wait_for(run.echo.servicer.cancelled.wait(), 1)
    await asyncio.sleep(0.05)
    assert run.log.events("rpc")[-1]["code"] == "CANCELLED"


async def test_a_reader_who_stops_reading_is_cut_off_at_the_deadline(run: Running) -> None:
    # 60 MB for a reader of some 300 KB a second: the writer waits for the connection's window to open.
    request = say(text="x" * 100, times=1000)
    call = run.stub.Repeat(request, metadata=run.as_("manager"))
    run.echo.servicer.repeat = 600

    async def read_slowly() -> None:
        started = time.monotonic()
        async for _ in call:
            if time.monotonic() - started < run.settings.default_stream_deadline_s + 0.5:
                await asyncio.sleep(0.2)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await read_slowly()
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
