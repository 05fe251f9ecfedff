"""Texts given one by one to the SDK: they share calls, and each has an outcome of its own."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import labelmill
from labelmill import errors
from labelmill.anonymization.v1 import operators_pb2
from labelmill.anonymization.v1 import resources_pb2 as pb
from labelmill_runtime.access import create_key
from labelmill_runtime.principal import Grant, Role
from labelmill_runtime.settings import RuntimeSettings
from tests.anonymization.server import anonymization

REPLACE = pb.Policy(default_operator=operators_pb2.Operator(replace=operators_pb2.Replace()))


async def test_texts_of_the_same_moment_share_a_call(tmp_path: Path) -> None:
    async with anonymization(tmp_path) as server:
        ask = server.client.anonymization.anonymize
        texts = [f"NameJane{i} was {'FAIL ' if i == 7 else ''}here" for i in range(40)]
        outcomes = await asyncio.gather(*(ask("projects/demo", t, REPLACE) for t in texts), return_exceptions=True)
        calls = server.log.getvalue().count("StreamAnonymizeTexts")
    failed = outcomes.pop(7)
    assert isinstance(failed, errors.Internal)
    assert failed.reason == "DETECTION_FAILED"
    assert [getattr(outcome, "text", outcome) for outcome in outcomes] == ["<PERSON> was here"] * 39
    assert calls <= 3


async def test_each_policy_has_calls_of_its_own(tmp_path: Path) -> None:
    redact = pb.Policy(default_operator=operators_pb2.Operator(redact=operators_pb2.Redact()))
    async with anonymization(tmp_path) as server:
        ask = server.client.anonymization.anonymize
        replaced, redacted, ready = await asyncio.gather(
            ask("projects/demo", "NameJane left", REPLACE),
            ask("projects/demo", "NameJane left", redact),
            ask("projects/demo", "NameJane left", "readyPolicies/max"),
        )
    assert (replaced.text, redacted.text) == ("<PERSON> left", " left")
    assert "NameJane" not in ready.text


async def test_a_bad_policy_fails_all_who_gave_it(tmp_path: Path) -> None:
    async with anonymization(tmp_path) as server:
        ask = server.client.anonymization.anonymize
        calls = (ask("projects/demo", text, "projects/demo/policies/none") for text in ("one", "two"))
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [errors.NotFound] * 2


async def test_a_text_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    async with anonymization(tmp_path) as server:
        with pytest.raises(errors.DeadlineExceeded):
            await server.client.anonymization.anonymize("projects/demo", "SLOW NameJane", REPLACE, timeout_s=0.2)


async def test_threads_share_calls_too(tmp_path: Path) -> None:
    async with anonymization(tmp_path) as server:
        keys = RuntimeSettings(data_dir=tmp_path).keys_path
        key = create_key(keys, "threads", [Grant(Role.PRIVACY_OFFICER, "demo")])

        def work() -> list[str]:
            with labelmill.Client(server.address, key) as client, ThreadPoolExecutor(16) as threads:
                ask = client.anonymization.anonymize
                texts = [f"NameJane{i} left" for i in range(64)]
                return [a.text for a in threads.map(lambda text: ask("projects/demo", text, REPLACE), texts)]

        assert await asyncio.to_thread(work) == ["<PERSON> left"] * 64
        assert server.log.getvalue().count("StreamAnonymizeTexts") < 64
