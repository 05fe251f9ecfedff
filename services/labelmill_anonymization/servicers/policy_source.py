"""The policy that a request names or brings along."""

from __future__ import annotations

from collections.abc import Mapping
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


@dataclass(frozen=True)
class PolicySources:
    """Reads policies for requests."""

    records: ServiceRecords
    ready: Mapping[str, Policy] = field(default_factory=ready_policies)
    """The policies that come with the service, by id."""

    async def read(self, source: service.PolicySource, project: str, field: str) -> Policy:
        """The policy; raises PolicyNotFound, or what `validate` says of an inline one, with the field's path."""
        if source.WhichOneof("source") == "inline":
            policy = policy_from_proto(source.inline)
            validate(policy, field=f"{field}.inline")
            return policy
        if names.matches(READY_POLICY, source.policy):
            found = self.ready.get(names.parse(READY_POLICY, source.policy)["policy"])
            if found is None:
                raise PolicyNotFound(source.policy)
            return found
        parts = names.parse(POLICY, source.policy, field=f"{field}.policy")
        names.require_project(source.policy, project, field=f"{field}.policy")
        return (await self.records.policy_version(project, parts["policy"], 0)).policy
