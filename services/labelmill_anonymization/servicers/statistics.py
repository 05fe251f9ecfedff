"""StatisticsService: proto in, domain call, proto out."""
# ruff: noqa: N802 - RPC names are the contract's

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from typing import Any

import grpc.aio
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill.anonymization.v1 import statistics_service_pb2 as pb
from labelmill.anonymization.v1.statistics_service_pb2_grpc import StatisticsServiceServicer
from labelmill_anonymization.convert.statistics import (
    RELEASE,
    budget_to_proto,
    release_to_proto,
    statistic_from_proto,
)
from labelmill_anonymization.ports import KeySource, Projects
from labelmill_anonymization.statistics.ports import Ledger, Release
from labelmill_anonymization.statistics.price import Price
from labelmill_anonymization.statistics.release import Statistics
from labelmill_runtime import names
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.paging import PageTokens, page_size
from labelmill_runtime.principal import current_principal_or_none

_PROJECT = "projects/{project}"
_ASSET = "projects/{project}/assets/{asset}"
_BUDGET = "projects/{project}/privacyBudget"
Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True)
class StatisticsServicer(StatisticsServiceServicer):
    """See protos/labelmill/anonymization/v1/statistics_service.proto."""

    statistics: Statistics
    ledger: Ledger
    keys: KeySource
    projects: Projects
    requests: RequestLog
    page_tokens: PageTokens

    async def GetPrivacyBudget(self, request: pb.GetPrivacyBudgetRequest, context: Context) -> pb.PrivacyBudget:
        """Reads the budget."""
        project = names.parse(_BUDGET, request.name)["project"]
        return budget_to_proto(await self.ledger.budget(project))

    async def UpdatePrivacyBudget(self, request: pb.UpdatePrivacyBudgetRequest, context: Context) -> pb.PrivacyBudget:
        """Sets the totals."""
        wanted = request.privacy_budget
        project = names.parse(_BUDGET, wanted.name, field="privacy_budget.name")["project"]
        await self.projects.require(project)
        total = Price.total(wanted.epsilon_total, wanted.delta_total)

        async def update(session: AsyncSession) -> pb.PrivacyBudget:
            return budget_to_proto(await self.ledger.set_total(session, project, total, wanted.etag))

        return await self.requests.once(request, update, pb.PrivacyBudget)

    async def ReleaseStatistic(self, request: pb.ReleaseStatisticRequest, context: Context) -> pb.Release:
        """Pays and answers; the ledger remembers request ids for good, not the request log for a day."""
        project = names.parse(_PROJECT, request.parent, field="parent")["project"]
        if request.statistic.table.asset:
            names.parse(_ASSET, request.statistic.table.asset, field="statistic.table.asset")
            names.require_project(request.statistic.table.asset, project, field="statistic.table.asset")
        if request.statistic.entities.policy:
            names.require_project(request.statistic.entities.policy, project, field="statistic.entities.policy")
        key = (await self.keys.keys(project)).purpose_key("release-request")
        released = await self.statistics.release(_asked(request, project, key))
        return release_to_proto(released)

    async def GetRelease(self, request: pb.GetReleaseRequest, context: Context) -> pb.Release:
        """Reads a release."""
        parts = names.parse(RELEASE, request.name)
        return release_to_proto(await self.ledger.release(parts["project"], parts["release"]))

    async def ListReleases(self, request: pb.ListReleasesRequest, context: Context) -> pb.ListReleasesResponse:
        """Lists releases."""
        project = names.parse(_PROJECT, request.parent, field="parent")["project"]
        size, parent = page_size(request.page_size), f"{request.parent}/releases"
        cursor = self.page_tokens.decode(request.page_token, parent=parent)
        found = await self.ledger.list_releases(project, int(str(cursor[0])) if cursor else 0, size + 1)
        response = pb.ListReleasesResponse(releases=[release_to_proto(release) for _, release in found[:size]])
        if len(found) > size:
            response.next_page_token = self.page_tokens.encode([found[size - 1][0]], parent=parent)
        return response


def _asked(request: pb.ReleaseStatisticRequest, project: str, key: bytes) -> Release:
    """The request as a release that is still to be paid."""
    principal = current_principal_or_none()
    who = principal.id if principal else ""
    release_id = uuid.uuid4().hex
    identity = f"{who}\0{request.request_id or release_id}"
    body = hashlib.blake2b(request.SerializeToString(deterministic=True), key=key, digest_size=32)
    return Release(
        project=project,
        release_id=release_id,
        statistic=statistic_from_proto(request.statistic),
        price=Price.of(request.epsilon, request.delta),
        principal=who,
        create_time_ms=0,
        request_key=hashlib.sha256(identity.encode()).hexdigest(),
        body=body.digest(),
    )
