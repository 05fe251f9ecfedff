"""LifecycleService over gRPC: proto in, domain call, proto out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeVar

from google.longrunning import operations_pb2
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill.storage.v1 import lifecycle_service_pb2 as pb
from labelmill.storage.v1 import lifecycle_service_pb2_grpc
from labelmill_runtime import names
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.paging import PageTokens, page_size
from labelmill_storage.assets import AssetIds, parse_assets
from labelmill_storage.convert import lifecycle as convert
from labelmill_storage.lifecycle.erasure import ERASURE_NAME
from labelmill_storage.lifecycle.holds import HOLD_NAME
from labelmill_storage.lifecycle.ports import Erasures, LegalHolds, RetentionRecords, UsageRecords
from labelmill_storage.operations.erasures import ErasureStarter
from labelmill_storage.ports import EgressMeter, ProjectDirectory
from labelmill_storage.selection import Selected, selected

M = TypeVar("M", pb.CreateLegalHoldRequest, pb.EraseAssetsRequest, pb.AllowErasedRequest)


@dataclass(frozen=True)
class LifecycleServicer(lifecycle_service_pb2_grpc.LifecycleServiceServicer):
    """Serves the life cycle."""

    retention: RetentionRecords
    holds: LegalHolds
    erasures: Erasures
    starter: ErasureStarter
    usage: UsageRecords
    egress: EgressMeter
    ids: AssetIds
    projects: ProjectDirectory
    request_log: RequestLog
    page_tokens: PageTokens

    async def GetRetention(self, request: pb.GetRetentionRequest, context: Any) -> pb.Retention:  # noqa: N802
        """How long content is kept."""
        project = await self._project(request.name)
        return convert.retention(project, await self.retention.get(project))

    async def UpdateRetention(self, request: pb.UpdateRetentionRequest, context: Any) -> pb.Retention:  # noqa: N802
        """Changes it, and applies it soon."""
        wanted = request.retention
        project = await self._project(wanted.name)

        async def respond(session: AsyncSession) -> pb.Retention:
            changed = await self.retention.change(session, project, convert.terms(wanted), wanted.etag)
            return convert.retention(project, changed)

        answer = await self.request_log.once(request, respond, pb.Retention)
        self.retention.wake(project)
        return answer

    async def CreateLegalHold(self, request: pb.CreateLegalHoldRequest, context: Any) -> pb.LegalHold:  # noqa: N802
        """Puts assets on hold."""
        project = await self._project(request.parent)
        chosen = self._selected(project, request, request.filter, by_filter=True)

        async def respond(session: AsyncSession) -> pb.LegalHold:
            hold = await self.holds.create(session, project, request.legal_hold_id, chosen, request.reason)
            return convert.hold(hold)

        return await self.request_log.once(_unnamed(request, chosen), respond, pb.LegalHold)

    async def GetLegalHold(self, request: pb.GetLegalHoldRequest, context: Any) -> pb.LegalHold:  # noqa: N802
        """Reads a hold."""
        parts = names.parse(HOLD_NAME, request.name)
        return convert.hold(await self.holds.get(parts["project"], parts["legal_hold"]))

    async def ListLegalHolds(  # noqa: N802
        self, request: pb.ListLegalHoldsRequest, context: Any
    ) -> pb.ListLegalHoldsResponse:
        """Lists holds by name."""
        project, size = await self._project(request.parent), page_size(request.page_size)
        cursor = self.page_tokens.decode(request.page_token, parent=request.parent)
        found = await self.holds.page(project, str(cursor[0]) if cursor else "", size + 1)
        token = self.page_tokens.encode([found[size - 1].id], parent=request.parent) if len(found) > size else ""
        return pb.ListLegalHoldsResponse(legal_holds=map(convert.hold, found[:size]), next_page_token=token)

    async def ReleaseLegalHold(self, request: pb.ReleaseLegalHoldRequest, context: Any) -> pb.LegalHold:  # noqa: N802
        """Releases a hold."""
        parts = names.parse(HOLD_NAME, request.name)

        async def respond(session: AsyncSession) -> pb.LegalHold:
            hold = await self.holds.release(session, parts["project"], parts["legal_hold"], request.reason)
            return convert.hold(hold)

        return await self.request_log.once(request, respond, pb.LegalHold)

    async def EraseAssets(  # noqa: N802
        self, request: pb.EraseAssetsRequest, context: Any
    ) -> operations_pb2.Operation:
        """Starts an erasure."""
        project = await self._project(request.parent)
        chosen = self._selected(project, request)
        unnamed = _unnamed(request, chosen)

        async def respond(session: AsyncSession) -> operations_pb2.Operation:
            return await self.starter.start(session, project, chosen, unnamed)

        return await self.request_log.once(unnamed, respond, operations_pb2.Operation)

    async def GetErasure(self, request: pb.GetErasureRequest, context: Any) -> pb.Erasure:  # noqa: N802
        """Reads an erasure with its certificate."""
        parts = names.parse(ERASURE_NAME, request.name)
        return convert.erasure(await self.erasures.get(parts["project"], parts["erasure"]))

    async def ListErasures(  # noqa: N802
        self, request: pb.ListErasuresRequest, context: Any
    ) -> pb.ListErasuresResponse:
        """Lists erasures, newest first."""
        project, size = await self._project(request.parent), page_size(request.page_size)
        cursor = self.page_tokens.decode(request.page_token, parent=request.parent)
        found = await self.erasures.page(project, str(cursor[0]) if cursor else "", size + 1)
        token = ""
        if len(found) > size:
            token = self.page_tokens.encode([found[size - 1].case.id], parent=request.parent)
        return pb.ListErasuresResponse(erasures=map(convert.listed_erasure, found[:size]), next_page_token=token)

    async def AllowErased(  # noqa: N802
        self, request: pb.AllowErasedRequest, context: Any
    ) -> pb.AllowErasedResponse:
        """Lets content that was erased come in again."""
        project = await self._project(request.parent)
        chosen = self._selected(project, request)

        async def respond(session: AsyncSession) -> pb.AllowErasedResponse:
            count = await self.erasures.allow(session, project, chosen, request.reason)
            return pb.AllowErasedResponse(allowed_count=count)

        return await self.request_log.once(_unnamed(request, chosen), respond, pb.AllowErasedResponse)

    async def GetUsage(self, request: pb.GetUsageRequest, context: Any) -> pb.Usage:  # noqa: N802
        """What a project has stored and read."""
        project = await self._project(request.name)
        await self.egress.flush()
        return convert.usage(project, await self.usage.report(project))

    async def UpdateQuota(self, request: pb.UpdateQuotaRequest, context: Any) -> pb.Usage:  # noqa: N802
        """Changes a project's limits."""
        project = await self._project(request.name)
        before = await self.usage.report(project)

        async def respond(session: AsyncSession) -> pb.Usage:
            quota = convert.quota(request.quota)
            await self.usage.set_quota(session, project, quota)
            return convert.usage(project, replace(before, quota=quota))

        answer = await self.request_log.once(request, respond, pb.Usage)
        self.egress.forget_limits()
        return answer

    async def _project(self, name: str) -> str:
        """The project in a name; raises NotFound PROJECT_NOT_FOUND."""
        project = name.split("/")[1]
        await self.projects.require(project)
        return project

    def _selected(self, project: str, request: Any, filter_text: str = "", *, by_filter: bool = False) -> Selected:
        ids = parse_assets(project, request.asset_names)
        subject_hash = self.ids.of_subject(project, request.subject)
        return selected(ids, filter_text, subject_hash, by_filter=by_filter)


def _unnamed(request: M, chosen: Selected) -> M:
    """The request as it may be kept: with the data subject's keyed hash instead of their id."""
    copy = type(request)()
    copy.CopyFrom(request)
    copy.subject = chosen.subject_hash
    return copy
