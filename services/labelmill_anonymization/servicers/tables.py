"""TableService: proto in, domain call, proto out."""
# ruff: noqa: N802 - RPC names are the contract's

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc.aio

from labelmill.anonymization.v1 import table_service_pb2 as service
from labelmill.anonymization.v1.table_service_pb2_grpc import TableServiceServicer
from labelmill_anonymization.contents.content import RawContent
from labelmill_anonymization.contents.handling import ContentAnonymizer
from labelmill_anonymization.convert.contents import raw_content_from_proto
from labelmill_anonymization.convert.tables import clean_table_to_proto, profile_to_proto
from labelmill_anonymization.keyring.subject_keys import SubjectKeys
from labelmill_anonymization.policy import Policy
from labelmill_anonymization.ports import KeySource
from labelmill_anonymization.servicers.policy_source import PolicySources
from labelmill_anonymization.tables.table_anonymizer import TableAnonymizer
from labelmill_runtime import names

_PROJECT = "projects/{project}"
Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True)
class TableServicer(TableServiceServicer):
    """See protos/labelmill/anonymization/v1/table_service.proto."""

    tables: TableAnonymizer
    policies: PolicySources
    keys: KeySource

    async def ProfileTable(
        self, request: service.ProfileTableRequest, context: Context
    ) -> service.ProfileTableResponse:
        """Proposes roles."""
        project = names.parse(_PROJECT, request.parent, field="parent")["project"]
        policy = await self.policies.read(request.policy, project, "policy") if request.HasField("policy") else Policy()
        content = self._table(raw_content_from_proto(request.table))
        return profile_to_proto(await self.tables.profile(content, policy, await self.keys.keys(project)))

    async def AnonymizeTable(
        self, request: service.AnonymizeTableRequest, context: Context
    ) -> service.AnonymizeTableResponse:
        """Anonymizes a table."""
        project = names.parse(_PROJECT, request.parent, field="parent")["project"]
        policy = await self.policies.read(request.policy, project, "policy")
        content = self._table(raw_content_from_proto(request.table))
        keys = await SubjectKeys(self.keys, project, policy).about(content.subject)
        clean = await self.tables.anonymize_table(content, policy, keys)
        return clean_table_to_proto(clean, content.media_type, await self.tables.texts.versions())

    def _table(self, content: RawContent) -> RawContent:
        """The content, if it is of a type that tables have and not too large."""
        ContentAnonymizer([self.tables]).require(content.media_type, len(content.data))
        return content
