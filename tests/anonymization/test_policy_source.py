"""Policies of requests: read and checked once, and never an old one for longer than is said."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from labelmill.anonymization.v1 import operators_pb2
from labelmill.anonymization.v1 import resources_pb2 as pb
from labelmill.anonymization.v1.service_pb2 import PolicySource
from labelmill_anonymization.errors import UnknownEntityType
from labelmill_anonymization.policy import Policy, PolicyVersion
from labelmill_anonymization.ports import ServiceRecords
from labelmill_anonymization.servicers.policy_source import PolicySources

NAME = "projects/demo/policies/strict"
REPLACE = operators_pb2.Operator(replace=operators_pb2.Replace())


class Records:
    """One kept policy, which gets a version with every update."""

    def __init__(self) -> None:
        self.version = 1
        self.reads = 0
        self.while_reading: Callable[[], Awaitable[Any]] | None = None

    async def policy_version(self, project: str, policy_id: str, version: int) -> PolicyVersion:
        self.reads += 1
        read = self.version
        if self.while_reading is not None:
            await self.while_reading()
        return PolicyVersion(project, policy_id, read, 0, Policy(display_name=f"version {read}"))


def sources(records: Records, now: list[float]) -> PolicySources:
    return PolicySources(cast("ServiceRecords", records), ready={}, clock=lambda: now[0])


async def read(policies: PolicySources) -> str:
    return (await policies.read(PolicySource(policy=NAME), "demo", "policy")).display_name


async def test_an_inline_policy_is_one_object_for_all_who_send_the_same() -> None:
    policies = sources(Records(), [0.0])
    first, second = (PolicySource(inline=pb.Policy(default_operator=REPLACE)) for _ in range(2))
    assert await policies.read(first, "demo", "policy") is await policies.read(second, "demo", "policy")
    other = PolicySource(inline=pb.Policy(default_operator=REPLACE, default_threshold=0.5))
    assert (await policies.read(other, "demo", "policy")).default_threshold == 0.5


async def test_a_wrong_inline_policy_is_refused_every_time() -> None:
    policies = sources(Records(), [0.0])
    wrong = PolicySource(inline=pb.Policy(rules=[pb.Rule(entity_type="NO_SUCH_TYPE", operator=REPLACE)]))
    for _ in range(2):
        with pytest.raises(UnknownEntityType):
            await policies.read(wrong, "demo", "policy")


async def test_a_kept_policy_is_read_once_a_second() -> None:
    records, now = Records(), [0.0]
    policies = sources(records, now)
    assert [await read(policies) for _ in range(3)] == ["version 1"] * 3
    assert records.reads == 1
    records.version = 2  # by another process
    now[0] = 1.0
    assert await read(policies) == "version 2"


async def test_an_update_by_this_process_counts_at_once() -> None:
    records = Records()
    policies = sources(records, [0.0])
    await read(policies)
    records.version = 2
    policies.forget(NAME)
    assert await read(policies) == "version 2"


async def test_what_was_read_while_it_was_updated_is_not_remembered() -> None:
    records = Records()
    policies = sources(records, [0.0])

    async def update() -> None:
        records.while_reading = None
        records.version = 2
        policies.forget(NAME)

    records.while_reading = update
    assert await read(policies) == "version 1"  # began before the update
    assert await read(policies) == "version 2"
