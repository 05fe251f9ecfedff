"""AnonymizationService: proto in, domain call, proto out."""
# ruff: noqa: N802 - RPC names are the contract's

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc.aio
from google.longrunning import operations_pb2
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill.anonymization.v1 import resources_pb2 as pb
from labelmill.anonymization.v1 import service_pb2 as service
from labelmill.anonymization.v1.service_pb2_grpc import AnonymizationServiceServicer
from labelmill.type.v1 import erasure_pb2
from labelmill_anonymization.convert.policies import (
    policy_from_proto,
    policy_version_to_proto,
    ready_policy_to_proto,
)
from labelmill_anonymization.convert.receipts import receipt_to_proto
from labelmill_anonymization.convert.texts import clean_text_to_proto, mapped_to_proto
from labelmill_anonymization.entity_types import entity_types
from labelmill_anonymization.errors import SpanOutOfRange, StreamSequence
from labelmill_anonymization.keyring.project_keys import ProjectKeyring
from labelmill_anonymization.keyring.subject_keys import SubjectKeys
from labelmill_anonymization.operations import KIND
from labelmill_anonymization.policy import validate
from labelmill_anonymization.ports import Anonymizer, Projects, ServiceRecords
from labelmill_anonymization.servicers.policy_source import POLICY, PolicySources
from labelmill_anonymization.text_stream import TextItem, TextOutcome, anonymize_groups, require_length
from labelmill_runtime import names
from labelmill_runtime.errors import LabelmillError
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.operations import OperationStore
from labelmill_runtime.paging import PageTokens, page_size
from labelmill_runtime.status import to_status

_PROJECT = "projects/{project}"
_ASSET = "projects/{project}/assets/{asset}"
_RESPONSE_BYTES = 1024 * 1024
_ERASED = "The asset was erased."
_READY = "readyPolicies"
Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True)
class AnonymizationServicer(AnonymizationServiceServicer):
    """See protos/labelmill/anonymization/v1/service.proto."""

    anonymizer: Anonymizer
    policies: PolicySources
    keys: ProjectKeyring
    records: ServiceRecords
    projects: Projects
    requests: RequestLog
    operations: OperationStore
    page_tokens: PageTokens

    async def AnonymizeText(
        self, request: service.AnonymizeTextRequest, context: Context
    ) -> service.AnonymizeTextResponse:
        """Anonymizes one text."""
        project = names.parse(_PROJECT, request.parent, field="parent")["project"]
        require_length(request.text)
        policy = await self.policies.read(request.policy, project, "policy")
        keys = await SubjectKeys(self.keys, project, policy).about(request.subject)
        clean = await self.anonymizer.anonymize(request.text, policy, keys)
        return clean_text_to_proto(clean)

    async def StreamAnonymizeTexts(
        self, request_iterator: AsyncIterator[service.StreamAnonymizeTextsRequest], context: Context
    ) -> AsyncIterator[service.StreamAnonymizeTextsResponse]:
        """Anonymizes a stream of texts."""
        first = await anext(request_iterator)
        if not first.HasField("header"):
            raise StreamSequence
        project = names.parse(_PROJECT, first.header.parent, field="header.parent")["project"]
        policy = await self.policies.read(first.header.policy, project, "header.policy")
        keys = SubjectKeys(self.keys, project, policy)
        async for outcomes in anonymize_groups(_groups(request_iterator), policy, keys, self.anonymizer):
            for response in _responses(outcomes):
                yield response

    async def ListEntityTypes(
        self, request: service.ListEntityTypesRequest, context: Context
    ) -> service.ListEntityTypesResponse:
        """Lists what can be found."""
        return service.ListEntityTypesResponse(entity_types=sorted(entity_types(request.language)))

    async def CreatePolicy(self, request: service.CreatePolicyRequest, context: Context) -> pb.Policy:
        """Creates a policy."""
        project = names.parse(_PROJECT, request.parent, field="parent")["project"]
        policy = policy_from_proto(request.policy)
        validate(policy)
        await self.projects.require(project)

        async def create(session: AsyncSession) -> pb.Policy:
            created = await self.records.create_policy(session, project, request.policy_id, policy)
            return policy_version_to_proto(created)

        return await self.requests.once(request, create, pb.Policy)

    async def UpdatePolicy(self, request: service.UpdatePolicyRequest, context: Context) -> pb.Policy:
        """Adds a version."""
        parts = names.parse(POLICY, request.policy.name, field="policy.name")
        policy = policy_from_proto(request.policy)
        validate(policy)

        async def update(session: AsyncSession) -> pb.Policy:
            updated = await self.records.update_policy(
                session, parts["project"], parts["policy"], policy, request.policy.etag
            )
            return policy_version_to_proto(updated)

        version = await self.requests.once(request, update, pb.Policy)
        self.policies.forget(version.name)
        return version

    async def GetPolicy(self, request: service.GetPolicyRequest, context: Context) -> pb.Policy:
        """Reads a policy."""
        parts = names.parse(POLICY, request.name)
        version = await self.records.policy_version(parts["project"], parts["policy"], request.version)
        return policy_version_to_proto(version)

    async def ListPolicies(
        self, request: service.ListPoliciesRequest, context: Context
    ) -> service.ListPoliciesResponse:
        """Lists current versions."""
        project = names.parse(_PROJECT, request.parent, field="parent")["project"]
        size = page_size(request.page_size)
        cursor = self.page_tokens.decode(request.page_token, parent=f"{request.parent}/policies")
        found = await self.records.list_policies(project, str(cursor[0]) if cursor else "", size + 1)
        response = service.ListPoliciesResponse(policies=map(policy_version_to_proto, found[:size]))
        if len(found) > size:
            last = found[size - 1].policy_id
            response.next_page_token = self.page_tokens.encode([last], parent=f"{request.parent}/policies")
        return response

    async def ListReadyPolicies(
        self, request: service.ListReadyPoliciesRequest, context: Context
    ) -> service.ListReadyPoliciesResponse:
        """Lists the policies that come with the service."""
        size = page_size(request.page_size)
        cursor = self.page_tokens.decode(request.page_token, parent=_READY)
        found = [name for name in sorted(self.policies.ready) if not cursor or name > str(cursor[0])]
        response = service.ListReadyPoliciesResponse(
            policies=[ready_policy_to_proto(name, self.policies.ready[name]) for name in found[:size]]
        )
        if len(found) > size:
            response.next_page_token = self.page_tokens.encode([found[size - 1]], parent=_READY)
        return response

    async def AnonymizeAssets(
        self, request: service.AnonymizeAssetsRequest, context: Context
    ) -> operations_pb2.Operation:
        """Starts the operation on the policy's current version."""
        project = names.parse(_PROJECT, request.parent, field="parent")["project"]
        policy_id = names.parse(POLICY, request.policy, field="policy")["policy"]
        names.require_project(request.policy, project, field="policy")
        await self.projects.require(project)
        policy = await self.records.policy_version(project, policy_id, 0)
        metadata = service.AnonymizeAssetsMetadata(policy=policy.name, policy_version=policy.version)
        metadata.progress.create_time.GetCurrentTime()

        async def start(session: AsyncSession) -> operations_pb2.Operation:
            return await self.operations.start(session, kind=KIND, project=project, request=request, metadata=metadata)

        return await self.requests.once(request, start, operations_pb2.Operation)

    async def GetReceipt(self, request: service.GetReceiptRequest, context: Context) -> pb.Receipt:
        """Reads a receipt."""
        return receipt_to_proto(await self.records.receipt(request.name))

    async def ListReceipts(
        self, request: service.ListReceiptsRequest, context: Context
    ) -> service.ListReceiptsResponse:
        """Lists receipts."""
        project = names.parse(_PROJECT, request.parent, field="parent")["project"]
        size, parent = page_size(request.page_size), f"{request.parent}/receipts"
        cursor = self.page_tokens.decode(request.page_token, parent=parent, filter=request.filter)
        after = (int(str(cursor[0])), str(cursor[1])) if cursor else None
        found = await self.records.list_receipts(project, request.filter, after, size + 1)
        response = service.ListReceiptsResponse(receipts=map(receipt_to_proto, found[:size]))
        if len(found) > size:
            last = found[size - 1]
            position: list[str | int] = [last.create_time_ms, last.name.rpartition("/")[2]]
            response.next_page_token = self.page_tokens.encode(position, parent=parent, filter=request.filter)
        return response

    async def MapSpans(self, request: service.MapSpansRequest, context: Context) -> service.MapSpansResponse:
        """Carries spans over."""
        offsets = await self.records.offsets(request.receipt)
        to_clean = request.direction == service.MapSpansRequest.DIRECTION_RAW_TO_CLEAN
        length = offsets.raw_length if to_clean else offsets.clean_length
        carry = offsets.to_clean if to_clean else offsets.to_raw
        for index, span in enumerate(request.spans):
            if span.end > length:
                raise SpanOutOfRange(index, length)
        return service.MapSpansResponse(
            results=[mapped_to_proto(carry(span.start, span.end)) for span in request.spans]
        )

    async def EraseAssets(
        self, request: erasure_pb2.EraseAssetsRequest, context: Context
    ) -> erasure_pb2.EraseAssetsResponse:
        """Erases receipts and offset maps of assets, and the keys of their own."""
        project = names.parse(_PROJECT, request.parent, field="parent")["project"]
        asset_ids = names.ids_of(_ASSET, request.names, project)

        async def erase(session: AsyncSession) -> erasure_pb2.EraseAssetsResponse:
            removed = dict(await self.records.erase_assets(session, project, asset_ids))
            if keys := await self.keys.destroy_of_assets(session, project, asset_ids, _ERASED):
                removed["keys"] = keys
            return erasure_pb2.EraseAssetsResponse(removed_counts=removed)

        response = await self.requests.once(request, erase, erasure_pb2.EraseAssetsResponse)
        await self.requests.forget(request.names)
        await self.records.scrub()
        return response


async def _groups(
    requests: AsyncIterator[service.StreamAnonymizeTextsRequest],
) -> AsyncIterator[Sequence[TextItem]]:
    async for request in requests:
        if not request.HasField("batch"):
            raise StreamSequence
        yield [TextItem(item.item_id, item.text, item.subject) for item in request.batch.items]


def _responses(outcomes: Sequence[TextOutcome]) -> list[service.StreamAnonymizeTextsResponse]:
    """The outcomes in messages of a moderate size."""
    responses = [service.StreamAnonymizeTextsResponse()]
    size = 0
    for outcome in outcomes:
        result = _result(outcome)
        size += result.ByteSize()
        if size > _RESPONSE_BYTES and responses[-1].results:
            responses.append(service.StreamAnonymizeTextsResponse())
            size = result.ByteSize()
        responses[-1].results.append(result)
    return responses


def _result(outcome: TextOutcome) -> service.StreamAnonymizeTextsResponse.Result:
    result = service.StreamAnonymizeTextsResponse.Result(item_id=outcome.item_id)
    if isinstance(outcome.outcome, LabelmillError):
        result.status.CopyFrom(to_status(outcome.outcome))
    else:
        result.status.SetInParent()
        result.anonymized.CopyFrom(clean_text_to_proto(outcome.outcome))
    return result
