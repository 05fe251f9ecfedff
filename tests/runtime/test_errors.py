"""Whatever goes wrong leaves as a typed status, on all four kinds of call."""

from __future__ import annotations

import pickle
import random
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from labelmill_runtime.errors import Code, InvalidArgument, LabelmillError
from labelmill_runtime.status import to_status
from tests.runtime.calls import KINDS, call, refused, say
from tests.runtime.conftest import Running
from tests.runtime.echo_service import CANARY, EchoMissing


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_call_answers(run: Running, kind: str) -> None:
    [response] = await call(run.stub, kind, [say(text="hello")], run.as_("manager"))
    assert response.text == "hello"
    assert response.principal == "manager"


@pytest.mark.parametrize("kind", KINDS)
async def test_domain_errors_arrive_with_their_details(run: Running, kind: str) -> None:
    refusal = await refused(run.stub, kind, [say(mode="missing")], run.as_("manager"))
    assert refusal.code is grpc.StatusCode.NOT_FOUND
    assert (refusal.info.reason, refusal.info.domain) == ("ECHO_MISSING", "labelmill.io")
    assert refusal.details["google.rpc.ResourceInfo"].resource_name == "projects/p1/echoes/e"
    assert refusal.message == refusal.status.message == "There is no echo."


@pytest.mark.parametrize("kind", KINDS)
async def test_retry_info_and_metadata_arrive(run: Running, kind: str) -> None:
    refusal = await refused(run.stub, kind, [say(mode="busy")], run.as_("manager"))
    assert refusal.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert refusal.details["google.rpc.RetryInfo"].retry_delay.ToMilliseconds() == 1500
    assert refusal.info.metadata == {"limit": "3"}


async def test_field_violations_of_the_domain_carry_the_reason(run: Running) -> None:
    refusal = await refused(run.stub, "Say", [say(mode="stale")], run.as_("manager"))
    [violation] = refusal.details["google.rpc.BadRequest"].field_violations
    assert (violation.field, violation.description, violation.reason) == ("etag", "is stale", "ETAG_MISMATCH")


@pytest.mark.parametrize("mode", ["bug", "timeout"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_bug_tells_the_caller_nothing_but_an_id(run: Running, kind: str, mode: str) -> None:
    refusal = await refused(run.stub, kind, [say(mode=mode, text=CANARY)], run.as_("manager"))
    assert refusal.code is grpc.StatusCode.INTERNAL
    assert CANARY not in refusal.text
    [fault] = run.log.events("rpc.fault")
    assert refusal.message == f"internal error {fault['request_id']}"
    assert fault["error_type"] == ("ValueError" if mode == "bug" else "TimeoutError")
    assert "echo_service.py" in fault["error_stack"][0]
    assert CANARY not in run.log.getvalue()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_servicer_may_abort_in_its_own_words(run: Running, kind: str) -> None:
    refusal = await refused(run.stub, kind, [say(mode="abort")], run.as_("manager"))
    assert (refusal.code, refusal.message) == (grpc.StatusCode.FAILED_PRECONDITION, "own words")
    assert run.log.events("rpc")[-1]["code"] == "FAILED_PRECONDITION"


@pytest.mark.parametrize("kind", KINDS)
async def test_undecodable_bytes_are_the_callers_mistake(run: Running, kind: str) -> None:
    path = f"/labelmill.echo.v1.EchoService/{kind}"
    makers: dict[str, Any] = {
        "Say": run.channel.unary_unary,
        "SayMany": run.channel.stream_unary,
        "Repeat": run.channel.unary_stream,
        "Chat": run.channel.stream_stream,
    }

    raw = SimpleNamespace(**{kind: makers[kind](path)})
    refusal = await refused(raw, kind, [b"\xff\xff not a message"], run.as_("manager"))  # type: ignore[list-item]
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST")


@pytest.mark.parametrize("kind", KINDS)
async def test_no_bytes_at_all_cause_an_unknown_or_internal_error(run: Running, kind: str) -> None:
    """Random bytes, and valid messages with some bytes changed."""
    makers: dict[str, Any] = {
        "Say": run.channel.unary_unary,
        "SayMany": run.channel.stream_unary,
        "Repeat": run.channel.unary_stream,
        "Chat": run.channel.stream_stream,
    }
    raw = SimpleNamespace(**{kind: makers[kind](f"/labelmill.echo.v1.EchoService/{kind}")})
    chance = random.Random(5)
    valid = say(text="héllo", request_id="r", parts=[{"label": "a"}], named_parts={"k": {"label": "b"}})
    codes = set()
    for number in range(400):
        data = bytearray(valid.SerializeToString() if number % 2 else chance.randbytes(chance.randint(0, 80)))
        for _ in range(number % 4):
            if data:
                data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            await call(raw, kind, [bytes(data)], run.as_("manager"), timeout=5)  # type: ignore[list-item]
        except grpc.aio.AioRpcError as error:
            codes.add(error.code())
    allowed = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.DEADLINE_EXCEEDED}
    assert grpc.StatusCode.INVALID_ARGUMENT in codes
    assert codes <= allowed


async def test_messages_over_the_limit_are_refused_and_at_the_limit_are_not(run: Running) -> None:
    limit = run.settings.max_message_bytes
    # 13 bytes for parent, 2 for times, 2 + 3 for the unknown-to-us request_id's tag and length.
    room = limit - say(request_id="").ByteSize() - 4
    refusal = await refused(run.stub, "Say", [say(request_id="x" * (room + 1))], run.as_("manager"))
    assert refusal.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    fits = say(request_id="x" * room)
    assert fits.ByteSize() == limit
    assert (await call(run.stub, "Say", [fits], run.as_("manager")))[0].count == 1


async def test_unknown_methods_are_unimplemented(run: Running) -> None:
    method: Any = run.channel.unary_unary("/labelmill.echo.v1.EchoService/Nothing")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await method(b"", metadata=run.as_("manager"))
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_details_stay_small_enough_for_trailers() -> None:
    error = InvalidArgument("MANY", "Many.", fields={f"items[{n}].name": "is wrong " * 10 for n in range(1000)})
    assert to_status(error).ByteSize() < 6000


def test_errors_survive_the_way_back_from_a_worker_process() -> None:
    error = pickle.loads(pickle.dumps(EchoMissing()))
    assert isinstance(error, EchoMissing)
    assert (error.reason, error.resource) == ("ECHO_MISSING", ("Echo", "projects/p1/echoes/e"))


def test_every_subclass_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in LabelmillError.__subclasses__()]
    assert len(set(codes)) == len(codes)
    assert set(codes) == set(Code) - {Code.OK, Code.UNKNOWN}
