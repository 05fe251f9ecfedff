"""The rules in the protos hold for every message of every kind of call."""

from __future__ import annotations

import grpc
import pytest

from tests.runtime.calls import KINDS, refused, say
from tests.runtime.conftest import Running
from tests.runtime.echo_protos import echo_pb2
from tests.runtime.echo_service import CANARY


@pytest.mark.parametrize("kind", KINDS)
async def test_broken_rules_come_back_as_field_paths(run: Running, kind: str) -> None:
    request = say(times=1001, text="x" * 101, parts=[echo_pb2.Part(label="ok"), echo_pb2.Part(label="Not Ok")])
    refusal = await refused(run.stub, kind, [request], run.as_("manager"))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert set(refusal.fields) == {"times", "text", "parts[1].label"}
    assert all(refusal.fields.values())


@pytest.mark.parametrize("kind", ["SayMany", "Chat"])
async def test_a_later_message_of_a_stream_is_checked_too(run: Running, kind: str) -> None:
    refusal = await refused(run.stub, kind, [say(), say(times=-1)], run.as_("manager"))
    assert refusal.fields == {"times": refusal.fields["times"]}


@pytest.mark.parametrize("kind", KINDS)
async def test_neither_values_nor_map_keys_are_echoed(run: Running, kind: str) -> None:
    request = say(named_parts={CANARY: echo_pb2.Part(label=CANARY)}, text=CANARY * 4)
    refusal = await refused(run.stub, kind, [request], run.as_("manager"))
    assert "named_parts[*].label" in refusal.fields
    assert CANARY not in refusal.text
    assert CANARY not in run.log.getvalue()


async def test_a_thousand_violations_still_fit_into_the_trailers(run: Running) -> None:
    request = say(parts=[echo_pb2.Part(label="NO")] * 1000)
    refusal = await refused(run.stub, "Say", [request], run.as_("manager"))
    assert refusal.reason == "INVALID_REQUEST"
    assert 1 < len(refusal.fields) <= 32
