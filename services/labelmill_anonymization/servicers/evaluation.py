"""EvaluationService: proto in, domain call, proto out."""
# ruff: noqa: N802 - RPC names are the contract's

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc.aio

from labelmill.anonymization.v1 import evaluation_service_pb2 as service
from labelmill.anonymization.v1.evaluation_service_pb2_grpc import EvaluationServiceServicer
from labelmill.anonymization.v1.service_pb2 import PolicySource
from labelmill_anonymization.convert.evaluation import certainty_from_proto, documents_from_proto, report_to_proto
from labelmill_anonymization.errors import StreamSequence
from labelmill_anonymization.evaluation.page import ReportPage
from labelmill_anonymization.evaluation.running import SampleRunner, require_size
from labelmill_anonymization.evaluation.sample import Document, mapped
from labelmill_anonymization.ports import KeySource
from labelmill_anonymization.servicers.policy_source import PolicySources
from labelmill_runtime import names

_PROJECT = "projects/{project}"
Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True)
class EvaluationServicer(EvaluationServiceServicer):
    """See protos/labelmill/anonymization/v1/evaluation_service.proto."""

    runner: SampleRunner
    page: ReportPage
    policies: PolicySources
    keys: KeySource

    async def EvaluatePolicy(
        self, request: service.EvaluatePolicyRequest, context: Context
    ) -> service.EvaluatePolicyResponse:
        """Measures one policy."""
        project = names.parse(_PROJECT, request.parent, field="parent")["project"]
        documents = documents_from_proto(request.sample)
        report = await self._report(project, "", documents, request.policy, None, request.options)
        return service.EvaluatePolicyResponse(report=report)

    async def ComparePolicies(
        self, request: service.ComparePoliciesRequest, context: Context
    ) -> service.ComparePoliciesResponse:
        """Measures two policies."""
        project = names.parse(_PROJECT, request.parent, field="parent")["project"]
        documents = documents_from_proto(request.sample)
        report = await self._report(project, "", documents, request.policy, request.against, request.options)
        return service.ComparePoliciesResponse(report=report)

    async def StreamEvaluatePolicies(
        self, request_iterator: AsyncIterator[service.StreamEvaluatePoliciesRequest], context: Context
    ) -> service.StreamEvaluatePoliciesResponse:
        """Measures one policy or two on a sample that comes in parts."""
        first = await anext(request_iterator)
        if not first.HasField("header"):
            raise StreamSequence
        header = first.header
        project = names.parse(_PROJECT, header.parent, field="header.parent")["project"]
        against = header.against if header.HasField("against") else None
        documents = await _gathered(request_iterator)
        report = await self._report(project, "header.", documents, header.policy, against, header.options)
        return service.StreamEvaluatePoliciesResponse(report=report)

    async def _report(
        self,
        project: str,
        path: str,
        documents: Sequence[Document],
        policy: PolicySource,
        against: PolicySource | None,
        options: service.EvaluationOptions,
    ) -> service.EvaluationReport:
        first = await self.policies.read(policy, project, f"{path}policy")
        second = None if against is None else await self.policies.read(against, project, f"{path}against")
        sample = mapped(documents, options.entity_type_mapping)
        keys = await self.keys.keys(project)
        measured = await self.runner.measure(sample, first, second, keys, certainty_from_proto(options))
        titles = [_title(source, number) for number, source in enumerate((policy, against), 1) if source is not None]
        page = await asyncio.to_thread(self.page.render, measured, titles) if options.include_page else ""
        return report_to_proto(measured, page)


async def _gathered(requests: AsyncIterator[service.StreamEvaluatePoliciesRequest]) -> list[Document]:
    documents: list[Document] = []
    characters = 0
    async for request in requests:
        if not request.HasField("batch"):
            raise StreamSequence
        batch = documents_from_proto(request.batch.sample)
        documents += batch
        characters += sum(len(document.text) for document in batch)
        require_size(len(documents), characters)
    return documents


def _title(source: PolicySource, number: int) -> str:
    return source.policy.rpartition("/")[2] or source.inline.display_name or f"policy {number}"
