"""The policy that a request names or brings along."""

from __future__ import annotations

from dataclasses import dataclass

from labelmill.anonymization.v1 import service_pb2 as service
from labelmill_anonymization.convert.policies import policy_from_proto
from labelmill_anonymization.policy import Policy, validate
from labelmill_anonymization.ports import ServiceRecords
from labelmill_runtime import names

POLICY = "projects/{project}/policies/{policy}"


@dataclass(frozen=True)
class PolicySources:
    """Reads policies for requests."""

    records: ServiceRecords

    async def read(self, source: service.PolicySource, project: str, field: str) -> Policy:
        """The policy; raises PolicyNotFound, or what `validate` says of an inline one, with the field's path."""
        if source.WhichOneof("source") == "inline":
            policy = policy_from_proto(source.inline)
            validate(policy, field=f"{field}.inline")
            return policy
        parts = names.parse(POLICY, source.policy, field=f"{field}.policy")
        names.require_project(source.policy, project, field=f"{field}.policy")
        return (await self.records.policy_version(project, parts["policy"], 0)).policy
