"""What the outside sees of a call: request ids, log lines, figures - and never a payload."""

from __future__ import annotations

import asyncio
import json
import logging
import urllib.request
from typing import Any

import grpc
import pytest
import structlog

from labelmill_runtime import logs
from labelmill_runtime.service import running
from labelmill_runtime.settings import RuntimeSettings
from tests.runtime.calls import KINDS, Refusal, call, refused, say
from tests.runtime.conftest import LogLines, Running, make_keys
from tests.runtime.echo_protos import echo_pb2, echo_pb2_grpc
from tests.runtime.echo_service import CANARY, Echo


@pytest.mark.parametrize("kind", KINDS)
async def test_each_call_writes_one_line_with_its_id(run: Running, kind: str) -> None:
    metadata = (*run.as_("manager"), ("x-request-id", "my-request-0001"))
    [response] = await call(run.stub, kind, [say(text=CANARY)], metadata)
    assert response.request_id == "my-request-0001"
    await asyncio.sleep(0.05)
    [line] = run.log.events("rpc")
    assert line["request_id"] == "my-request-0001"
    assert (line["method"], line["code"]) == (f"/labelmill.echo.v1.EchoService/{kind}", "OK")
    assert line["principal"] == "manager"
    assert line["duration_ms"] > 0


@pytest.mark.parametrize("offered", ["", "short", "two words here", "Jane_Doe@example.org", "x" * 65])
async def test_an_unfit_request_id_is_replaced(run: Running, offered: str) -> None:
    metadata = (*run.as_("manager"), ("x-request-id", offered))
    [response] = await call(run.stub, "Say", [say()], metadata)
    assert response.request_id != offered
    assert len(response.request_id) == 26


async def test_the_request_id_is_in_the_trailers_of_good_and_bad_calls(run: Running) -> None:
    ok = run.stub.Say(say(), metadata=run.as_("manager"))
    response = await ok
    assert dict(await ok.trailing_metadata())["x-request-id"] == response.request_id
    refusal = await refused(run.stub, "Say", [say(mode="missing")], run.as_("manager"))
    assert dict(refusal.error.trailing_metadata())["x-request-id"] == run.log.events("rpc")[-1]["request_id"]


async def test_no_payload_reaches_logs_errors_or_metrics(run: Running) -> None:
    """A canary in every field of every kind of call, through every way of failing."""
    seen: list[str] = []
    modes = ("", "bug", "timeout", "missing", "busy", "stale", "abort")
    for kind in KINDS:
        for request in (
            *(say(text=CANARY, mode=mode, request_id="" if mode else kind) for mode in modes),
            say(text=CANARY * 5),
            say(parent=f"projects/{CANARY}"),
            say(parts=[echo_pb2.Part(label=CANARY)]),
            say(text=CANARY + "!", request_id=kind),
        ):
            try:
                await call(run.stub, kind, [request], run.as_("manager"))
            except grpc.aio.AioRpcError as error:
                seen.append(Refusal(error).text)
    for mode in ("bug", "missing"):
        [operation] = await call(run.stub, "Count", [say(text=CANARY, mode=mode)], run.as_("manager"))
        seen.append(str(await run.echo.operations.wait(operation.name, 5)))
    assert len(seen) >= 4 * 9
    assert len(run.log.events("rpc")) >= 4 * 11
    text = "\n".join([run.log.getvalue(), *seen])
    assert not [word for word in ("Zebulon", "Quillfeather", "1971-03-04") if word in text]


def test_exceptions_are_logged_by_type_and_place_only(log: LogLines) -> None:
    def quoting() -> None:
        raise KeyError(CANARY)

    logger = structlog.get_logger()
    try:
        quoting()
    except KeyError as error:
        logger.exception("failed", cause=error)
        logging.getLogger("library").exception("library failed on %s", CANARY)
        logging.getLogger("library").error("first line %s\nsecond line", CANARY)
    assert CANARY not in log.getvalue()
    first, second, third = log.events()
    assert (first["error_type"], first["cause"]) == ("KeyError", "KeyError")
    assert "quoting" in first["error_stack"][0]
    assert (second["logger"], second["what"], second["error_type"]) == ("library", "library failed on %s", "KeyError")
    assert third["what"] == "first line %s"


async def test_forgotten_tasks_are_reported_without_their_text(log: LogLines) -> None:
    async def forgotten() -> None:
        raise ValueError(CANARY)

    loop = asyncio.get_running_loop()
    logs.quiet_loop(loop)
    task = loop.create_task(forgotten())
    await asyncio.sleep(0.01)
    del task
    await asyncio.sleep(0.01)
    [line] = log.events("loop.fault")
    assert line["error_type"] == "ValueError"
    assert CANARY not in log.getvalue()


async def test_metrics_count_calls_by_method_and_code(settings: RuntimeSettings, log: LogLines) -> None:
    keys = make_keys(settings.keys_path)
    metadata: Any = (("authorization", f"Bearer {keys['manager']}"),)
    with_metrics = settings.model_copy(update={"metrics_port": 0})
    async with (
        running(with_metrics, [Echo().build]) as server,
        grpc.aio.insecure_channel(server.address) as channel,
    ):
        stub = echo_pb2_grpc.EchoServiceStub(channel)
        before = await _scrape(server.metrics_port)
        for kind in KINDS:
            await call(stub, kind, [say()], metadata)
            await refused(stub, kind, [say(mode="missing")], metadata)
        after = await _scrape(server.metrics_port)
    for kind in KINDS:
        for code in ("OK", "NOT_FOUND"):
            sample = f'labelmill_rpc_total{{code="{code}",method="/labelmill.echo.v1.EchoService/{kind}"}}'
            assert after[sample] - before.get(sample, 0) == 1
        in_flight = f'labelmill_rpc_in_flight{{method="/labelmill.echo.v1.EchoService/{kind}"}}'
        assert after[in_flight] == 0


async def _scrape(port: int | None) -> dict[str, float]:
    def read() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as response:
            return str(response.read().decode())

    lines = (await asyncio.to_thread(read)).splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


def test_log_lines_are_json_with_time_and_level(log: LogLines) -> None:
    structlog.get_logger().info("something", count=3)
    line = json.loads(log.getvalue())
    assert (line["event"], line["level"], line["count"]) == ("something", "info", 3)
    assert line["timestamp"].endswith("Z")
