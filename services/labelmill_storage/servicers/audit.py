"""AuditService over gRPC."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from labelmill.storage.v1 import audit_service_pb2, audit_service_pb2_grpc
from labelmill_runtime.paging import PageTokens, page_size
from labelmill_storage.convert import audit as convert
from labelmill_storage.gate.anchoring import Anchoring
from labelmill_storage.gate.audit import fitting, project_of
from labelmill_storage.ports import AuditLog, ProjectDirectory


@dataclass(frozen=True)
class AuditServicer(audit_service_pb2_grpc.AuditServiceServicer):
    """Shows the audit log."""

    log: AuditLog
    anchoring: Anchoring
    projects: ProjectDirectory
    page_tokens: PageTokens

    async def ListAuditEntries(  # noqa: N802 - the name of the RPC
        self, request: audit_service_pb2.ListAuditEntriesRequest, context: Any
    ) -> audit_service_pb2.ListAuditEntriesResponse:
        """Lists entries, newest first."""
        project, bound = project_of(request.parent), {"parent": request.parent, "filter": request.filter}
        cursor = self.page_tokens.decode(request.page_token, **bound)
        await self.projects.require(project)
        size = page_size(request.page_size)
        before = int(cursor[0] or 0) if cursor else None
        found = await self.log.page(project, request.filter, before, size + 1)
        page = fitting(found, size)
        return audit_service_pb2.ListAuditEntriesResponse(
            audit_entries=[convert.entry(entry) for entry in page],
            next_page_token=self.page_tokens.encode([page[-1].sequence], **bound) if len(found) > len(page) else "",
        )

    async def ExportAuditLog(  # noqa: N802
        self, request: audit_service_pb2.ExportAuditLogRequest, context: Any
    ) -> AsyncIterator[audit_service_pb2.ExportAuditLogResponse]:
        """Gives entries from the first to the last; anchors are read before the head, which so is never behind them."""
        project = project_of(request.parent)
        await self.projects.require(project)
        anchors = await self.anchoring.anchors(project)
        head = await self.anchoring.head(project)
        async for piece in self.log.export(project, max(1, request.from_sequence), head.head.sequence):
            yield audit_service_pb2.ExportAuditLogResponse(entries=[convert.entry(entry) for entry in piece])
        yield audit_service_pb2.ExportAuditLogResponse(
            head=convert.head(head), anchors=[convert.head(anchor) for anchor in anchors]
        )

    async def GetAuditHead(  # noqa: N802
        self, request: audit_service_pb2.GetAuditHeadRequest, context: Any
    ) -> audit_service_pb2.AuditHead:
        """The end of the log, signed."""
        project = project_of(request.name)
        await self.projects.require(project)
        return convert.head(await self.anchoring.head(project))
