"""Real server processes: drained by SIGTERM, killed by SIGKILL."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.longrunning import operations_pb2, operations_pb2_grpc
from grpc_health.v1 import health_pb2

from labelmill_runtime.settings import RuntimeSettings
from tests.runtime.calls import call, health_stub, say
from tests.runtime.conftest import make_keys
from tests.runtime.echo_protos import echo_pb2
from tests.runtime.server_process import server_process

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.fixture
def manager(tmp_path: Path) -> Any:
    return (("authorization", f"Bearer {make_keys(tmp_path / 'keys.json')['manager']}"),)


async def _checkpointed(stub: Any, name: str, metadata: Any) -> int:
    """Waits until the operation has come some way; returns how far."""
    while True:
        operation = await stub.GetOperation(operations_pb2.GetOperationRequest(name=name), metadata=metadata)
        progress = echo_pb2.CountMetadata()
        operation.metadata.Unpack(progress)
        if progress.counted >= 5:
            return int(progress.counted)
        await asyncio.sleep(0.02)


async def test_an_operation_resumes_where_it_was_after_kill_9(
    both_settings: RuntimeSettings, tmp_path: Path, manager: Any
) -> None:
    environment = {"LABELMILL_DATABASE_URL": both_settings.database_url} if both_settings.database_url else {}
    async with server_process(tmp_path, tmp_path / "log", **environment) as first:
        operation = await first.stub.Count(say(times=200, text="survivor"), metadata=manager)
        reached = await _checkpointed(operations_pb2_grpc.OperationsStub(first.channel), operation.name, manager)
        first.signal(signal.SIGKILL)
        await first.ended(5)
    started = time.monotonic()
    async with server_process(tmp_path, tmp_path / "log", **environment) as second:
        stub = operations_pb2_grpc.OperationsStub(second.channel)
        request = operations_pb2.WaitOperationRequest(name=operation.name)
        request.timeout.FromSeconds(15)
        finished = await stub.WaitOperation(request, metadata=manager, timeout=20)
    response = echo_pb2.SayResponse()
    assert finished.response.Unpack(response)
    assert (response.text, response.count, response.principal) == ("survivor", 200, "manager")
    assert int(response.request_id.removeprefix("from ")) >= reached
    # At once, since the first process is known to be dead; not after its lease of 15 s.
    assert time.monotonic() - started < 12


async def test_sigterm_lets_calls_end_and_refuses_new_ones(tmp_path: Path, manager: Any) -> None:
    notice = {"LABELMILL_DRAIN_NOTICE_SECONDS": "0.3", "LABELMILL_DRAIN_SECONDS": "5"}
    async with server_process(tmp_path, tmp_path / "log", **notice) as server:
        health = health_stub(server.channel)
        names = {
            "": NOT_SERVING,
            "echo": NOT_SERVING,
            "labelmill.echo.v1.EchoService": NOT_SERVING,
            "liveness": SERVING,
        }
        for name in names:
            assert (await health.Check(health_pb2.HealthCheckRequest(service=name))).status == SERVING
        in_flight = [
            asyncio.create_task(call(server.stub, kind, [say(mode="sleep", times=100, text="late")], manager))
            for kind in ("Say", "SayMany", "Repeat", "Chat")
        ]
        await asyncio.sleep(0.3)
        signalled = time.monotonic()
        server.signal(signal.SIGTERM)
        await asyncio.sleep(0.15)
        for name, status in names.items():
            assert (await health.Check(health_pb2.HealthCheckRequest(service=name))).status == status, name
        await asyncio.sleep(0.3)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(server.stub, "Say", [say()], manager)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        for answers in await asyncio.gather(*in_flight):
            assert answers[0].text == "late"
        assert await server.ended(5) == 0
        assert time.monotonic() - signalled < 4


async def test_a_call_that_outlasts_the_drain_is_cut_off(tmp_path: Path, manager: Any) -> None:
    async with server_process(tmp_path, tmp_path / "log", LABELMILL_DRAIN_SECONDS="0.5") as server:
        late = asyncio.create_task(call(server.stub, "Say", [say(mode="sleep", times=1000)], manager))
        await asyncio.sleep(0.3)
        server.signal(signal.SIGTERM)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await late
        assert caught.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
        assert await server.ended(3) == 0


async def test_sigint_drains_too_and_operations_are_handed_over(tmp_path: Path, manager: Any) -> None:
    async with server_process(tmp_path, tmp_path / "log") as first:
        operation = await first.stub.Count(say(times=100), metadata=manager)
        await _checkpointed(operations_pb2_grpc.OperationsStub(first.channel), operation.name, manager)
        first.signal(signal.SIGINT)
        assert await first.ended(8) == 0
    async with server_process(tmp_path, tmp_path / "log") as second:
        stub = operations_pb2_grpc.OperationsStub(second.channel)
        request = operations_pb2.WaitOperationRequest(name=operation.name)
        finished = await stub.WaitOperation(request, metadata=manager, timeout=15)
    assert finished.done
    assert not finished.HasField("error")


async def test_a_misspelt_variable_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="LABELMILL_DRAIN_SECOND"):
        async with server_process(tmp_path, tmp_path / "log", LABELMILL_DRAIN_SECOND="5"):
            pytest.fail("it started")


async def test_start_to_serving_is_quick(tmp_path: Path) -> None:
    started = time.monotonic()
    async with server_process(tmp_path, tmp_path / "log") as server:
        health = health_stub(server.channel)
        await health.Check(health_pb2.HealthCheckRequest())
    assert time.monotonic() - started < 10
