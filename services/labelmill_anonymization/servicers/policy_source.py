"""The policy that a request names or brings along.

Callers send the same policy with text after text, so it is read and checked once. Besides, jobs that share one policy
object travel to the workers with one copy of it.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from labelmill.anonymization.v1 import service_pb2 as service
from labelmill_anonymization.convert.policies import policy_from_proto
from labelmill_anonymization.convert.ready_policies import ready_policies
from labelmill_anonymization.errors import PolicyNotFound
from labelmill_anonymization.policy import Policy, validate
from labelmill_anonymization.ports import ServiceRecords
from labelmill_runtime import names

POLICY = "projects/{project}/policies/{policy}"
READY_POLICY = "readyPolicies/{policy}"
_REMEMBERED = 256
_REMEMBERED_BYTES = 64 * 1024
"""Larger inline policies (long word lists) are read anew each time, so that memory stays bounded."""
_REMEMBERED_S = 1.0
"""How long a kept policy may be used after another process has updated it."""


@dataclass
class PolicySources:
    """Reads policies for requests."""

    records: ServiceRecords
    ready: Mapping[str, Policy] = field(default_factory=ready_policies)
    """The policies that come with the service, by id."""
    clock: Callable[[], float] = time.monotonic
    _inline: OrderedDict[bytes, Policy] = field(default_factory=OrderedDict)
    """By their bytes; all of them were found valid."""
    _kept: OrderedDict[str, tuple[float, Policy]] = field(default_factory=OrderedDict)
    """By name, with the time until which they may be used."""
    _updates: int = 0

    async def read(self, source: service.PolicySource, project: str, field: str) -> Policy:
        """The policy; raises PolicyNotFound, or what `validate` says of an inline one, with the field's path."""
        if source.WhichOneof("source") == "inline":
            return self._read_inline(source.inline.SerializeToString(), source, field)
        if names.matches(READY_POLICY, source.policy):
            found = self.ready.get(names.parse(READY_POLICY, source.policy)["policy"])
            if found is None:
                raise PolicyNotFound(source.policy)
            return found
        parts = names.parse(POLICY, source.policy, field=f"{field}.policy")
        names.require_project(source.policy, project, field=f"{field}.policy")
        return await self._read_kept(source.policy, parts["project"], parts["policy"])

    def forget(self, name: str) -> None:
        """A kept policy was updated by this process."""
        self._updates += 1  # what is being read right now may be the version before
        self._kept.pop(name, None)

    def _read_inline(self, content: bytes, source: service.PolicySource, field: str) -> Policy:
        policy = self._inline.get(content)
        if policy is None:
            policy = policy_from_proto(source.inline)
            validate(policy, field=f"{field}.inline")
            if len(content) <= _REMEMBERED_BYTES:
                self._inline[content] = policy
                _drop_oldest(self._inline)
        return policy

    async def _read_kept(self, name: str, project: str, policy_id: str) -> Policy:
        remembered = self._kept.get(name)
        if remembered is not None and remembered[0] > self.clock():
            return remembered[1]
        until, updates = self.clock() + _REMEMBERED_S, self._updates
        policy = (await self.records.policy_version(project, policy_id, 0)).policy
        if updates == self._updates:
            self._kept[name] = (until, policy)
            self._kept.move_to_end(name)
            _drop_oldest(self._kept)
        return policy


def _drop_oldest(remembered: OrderedDict[bytes, Policy] | OrderedDict[str, tuple[float, Policy]]) -> None:
    while len(remembered) > _REMEMBERED:
        remembered.popitem(last=False)
