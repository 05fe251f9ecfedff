"""QualityService: a project's reports."""
# ruff: noqa: N802 - the contract names the methods

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import TypeVar

from google.longrunning import operations_pb2
from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill.quality.v1 import resources_pb2, service_pb2, service_pb2_grpc
from labelmill.type.v1 import erasure_pb2
from labelmill_quality.convert import resources as convert
from labelmill_quality.errors import ReportNotFound
from labelmill_quality.live.ports import LiveStore
from labelmill_quality.operations.pages import ReportPages
from labelmill_quality.operations.scoring import KIND, REPORT_PATTERN, ProjectScoring
from labelmill_quality.ports import ReportStore, StoredReport
from labelmill_runtime import names
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.operations import OperationStore
from labelmill_runtime.paging import PageTokens, page_size

M = TypeVar("M", bound=Message)
_ASSET = "projects/{project}/assets/{asset}"
_DISPUTED = 30
_CHUNK_BYTES = 256 * 1024
_PAGE_SHARE = 0.75
"""Share of the largest message that a page fills at most; fewer items than asked for are then sent."""


class QualityServicer(service_pb2_grpc.QualityServiceServicer):
    """Scores projects and keeps their reports."""

    def __init__(
        self,
        scoring: ProjectScoring,
        store: ReportStore,
        live: LiveStore,
        pages: ReportPages,
        operations: OperationStore,
        requests: RequestLog,
        page_tokens: PageTokens,
        *,
        max_message_bytes: int,
    ) -> None:
        self._scoring = scoring
        self._store = store
        self._live = live
        self._pages = pages
        self._operations = operations
        self._requests = requests
        self._page_tokens = page_tokens
        self._max_message_bytes = max_message_bytes

    async def ScoreProject(self, request: service_pb2.ScoreProjectRequest, context: object) -> operations_pb2.Operation:
        """Starts the scoring of a project."""
        await self._scoring.check(request)
        metadata = service_pb2.ScoreProjectMetadata()
        metadata.progress.create_time.GetCurrentTime()

        async def start(session: AsyncSession) -> operations_pb2.Operation:
            project = names.project_of(request.parent, field="parent")
            return await self._operations.start(session, kind=KIND, project=project, request=request, metadata=metadata)

        return await self._requests.once(request, start, operations_pb2.Operation)

    async def GetQualityReport(
        self, request: service_pb2.GetQualityReportRequest, context: object
    ) -> resources_pb2.QualityReport:
        """Reads a report."""
        stored = await self._find(request.name, "name")
        return resources_pb2.QualityReport.FromString(stored.body)

    async def ListQualityReports(
        self, request: service_pb2.ListQualityReportsRequest, context: object
    ) -> service_pb2.ListQualityReportsResponse:
        """Lists reports, newest first."""
        project, limit = names.project_of(request.parent, field="parent"), page_size(request.page_size)
        cursor = self._page_tokens.decode(request.page_token, parent=request.parent)
        rows = await self._store.page(project, str(cursor[0]) if cursor else None, limit + 1)
        reports = list(self._fitting(resources_pb2.QualityReport.FromString(row.body) for row in rows[:limit]))
        last = rows[len(reports) - 1].report if len(reports) < len(rows) else None
        token = self._page_tokens.encode([last], parent=request.parent) if last else ""
        return service_pb2.ListQualityReportsResponse(quality_reports=reports, next_page_token=token)

    async def ListConsensusLabels(
        self, request: service_pb2.ListConsensusLabelsRequest, context: object
    ) -> service_pb2.ListConsensusLabelsResponse:
        """Lists the consensus labels of a report."""
        stored, limit = await self._find(request.parent, "parent"), page_size(request.page_size)
        cursor = self._page_tokens.decode(request.page_token, parent=request.parent)
        start = int(cursor[0] or 0) if cursor else 0
        rows = await self._store.labels(stored, start, limit + 1)
        labels = list(self._fitting(convert.stored_label(row, stored.class_names) for row in rows[:limit]))
        after = rows[len(labels)].position if len(labels) < len(rows) else None
        token = "" if after is None else self._page_tokens.encode([after], parent=request.parent)
        return service_pb2.ListConsensusLabelsResponse(labels=labels, next_page_token=token)

    async def GetQualityReportPage(
        self, request: service_pb2.GetQualityReportPageRequest, context: object
    ) -> AsyncIterator[service_pb2.GetQualityReportPageResponse]:
        """Makes a report's page."""
        count = request.disputed_count if request.HasField("disputed_count") else _DISPUTED
        page = await self._pages.make(request.name, count, without_content=request.without_content)
        for start in range(0, len(page), _CHUNK_BYTES):
            yield service_pb2.GetQualityReportPageResponse(html=page[start : start + _CHUNK_BYTES])

    async def EraseAssets(
        self, request: erasure_pb2.EraseAssetsRequest, context: object
    ) -> erasure_pb2.EraseAssetsResponse:
        """Erases consensus labels and current figures of items; reports keep theirs, and are named as kept."""
        project = names.project_of(request.parent, field="parent")
        names.ids_of(_ASSET, request.names, project)

        async def erase(session: AsyncSession) -> erasure_pb2.EraseAssetsResponse:
            removed = {
                "consensus_labels": await self._store.erase_items(session, project, request.names),
                "live_items": await self._live.erase(session, project, request.names),
            }
            reports = await self._store.count_reports(session, project)
            return convert.erased(project, removed, reports)

        response = await self._requests.once(request, erase, erasure_pb2.EraseAssetsResponse)
        await self._requests.forget(request.names)
        await self._store.scrub()
        return response

    async def _find(self, name: str, field: str) -> StoredReport:
        parts = names.parse(REPORT_PATTERN, name, field=field)
        stored = await self._store.find(parts["project"], parts["quality_report"])
        if stored is None:
            raise ReportNotFound(name)
        return stored

    def _fitting(self, messages: Iterable[M]) -> Iterator[M]:
        """The first of the messages, as many as fit into one answer, but at least one."""
        room = int(self._max_message_bytes * _PAGE_SHARE)
        for count, message in enumerate(messages):
            room -= message.ByteSize() + 8
            if room < 0 and count:
                return
            yield message
