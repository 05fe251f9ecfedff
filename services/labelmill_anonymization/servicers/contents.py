"""ContentService: proto in, domain call, proto out."""
# ruff: noqa: N802 - RPC names are the contract's

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc.aio

from labelmill.anonymization.v1 import content_service_pb2 as service
from labelmill.anonymization.v1.content_service_pb2_grpc import ContentServiceServicer
from labelmill_anonymization.contents.handling import ContentAnonymizer
from labelmill_anonymization.contents.stream import ContentItem, ContentOutcome, anonymize_contents
from labelmill_anonymization.convert.contents import clean_content_to_proto, raw_content_from_proto
from labelmill_anonymization.errors import StreamSequence
from labelmill_anonymization.keyring.subject_keys import SubjectKeys
from labelmill_anonymization.ports import KeySource
from labelmill_anonymization.servicers.policy_source import PolicySources
from labelmill_runtime import names
from labelmill_runtime.errors import LabelmillError
from labelmill_runtime.status import to_status

_PROJECT = "projects/{project}"
Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True)
class ContentServicer(ContentServiceServicer):
    """See protos/labelmill/anonymization/v1/content_service.proto."""

    anonymizer: ContentAnonymizer
    policies: PolicySources
    keys: KeySource

    async def AnonymizeContent(
        self, request: service.AnonymizeContentRequest, context: Context
    ) -> service.AnonymizeContentResponse:
        """Anonymizes one content."""
        project = names.parse(_PROJECT, request.parent, field="parent")["project"]
        policy = await self.policies.read(request.policy, project, "policy")
        content = raw_content_from_proto(request.content)
        keys = await SubjectKeys(self.keys, project, policy).about(content.subject)
        clean = await self.anonymizer.anonymize(content, policy, keys)
        return clean_content_to_proto(clean)

    async def StreamAnonymizeContents(
        self, request_iterator: AsyncIterator[service.StreamAnonymizeContentsRequest], context: Context
    ) -> AsyncIterator[service.StreamAnonymizeContentsResponse]:
        """Anonymizes a stream of contents."""
        first = await anext(request_iterator)
        if not first.HasField("header"):
            raise StreamSequence
        project = names.parse(_PROJECT, first.header.parent, field="header.parent")["project"]
        policy = await self.policies.read(first.header.policy, project, "header.policy")
        keys = SubjectKeys(self.keys, project, policy)
        async for outcome in anonymize_contents(_items(request_iterator), policy, keys, self.anonymizer):
            yield _response(outcome)


async def _items(requests: AsyncIterator[service.StreamAnonymizeContentsRequest]) -> AsyncIterator[ContentItem]:
    async for request in requests:
        if not request.HasField("item"):
            raise StreamSequence
        yield ContentItem(request.item.item_id, raw_content_from_proto(request.item.content))


def _response(outcome: ContentOutcome) -> service.StreamAnonymizeContentsResponse:
    response = service.StreamAnonymizeContentsResponse(item_id=outcome.item_id)
    if isinstance(outcome.outcome, LabelmillError):
        response.status.CopyFrom(to_status(outcome.outcome))
    else:
        response.status.SetInParent()
        response.anonymized.CopyFrom(clean_content_to_proto(outcome.outcome))
    return response
