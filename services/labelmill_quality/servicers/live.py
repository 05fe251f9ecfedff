"""LiveQualityService: a project's figures as they are now."""
# ruff: noqa: N802 - the contract names the methods

from __future__ import annotations

from google.longrunning import operations_pb2
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill.quality.v1 import live_service_pb2 as pb
from labelmill.quality.v1 import live_service_pb2_grpc
from labelmill_quality.convert import live as convert
from labelmill_quality.live.ports import LiveStore
from labelmill_quality.operations.keeping import KeepingCurrent
from labelmill_quality.operations.reading import LiveReading
from labelmill_quality.operations.refitting import KIND, Refitting
from labelmill_runtime import names
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.operations import OperationStore
from labelmill_runtime.paging import PageTokens, page_size

_COLUMNS = {
    pb.ListItemQualitiesRequest.ORDER_UNSPECIFIED: "disagreement",
    pb.ListItemQualitiesRequest.ORDER_DISAGREEMENT: "disagreement",
    pb.ListItemQualitiesRequest.ORDER_UNCERTAINTY: "uncertainty",
}


class LiveQualityServicer(live_service_pb2_grpc.LiveQualityServiceServicer):
    """Keeps and tells figures."""

    def __init__(
        self,
        keeping: KeepingCurrent,
        reading: LiveReading,
        refitting: Refitting,
        store: LiveStore,
        operations: OperationStore,
        requests: RequestLog,
        page_tokens: PageTokens,
    ) -> None:
        self._keeping = keeping
        self._reading = reading
        self._refitting = refitting
        self._store = store
        self._operations = operations
        self._requests = requests
        self._page_tokens = page_tokens

    async def RefreshProjectQuality(
        self, request: pb.RefreshProjectQualityRequest, context: object
    ) -> pb.RefreshProjectQualityResponse:
        """Brings the figures up to date."""
        done = await self._keeping.refresh(names.project_of(request.parent, field="parent"))
        return pb.RefreshProjectQualityResponse(
            change_count=done.change_count, item_count=done.item_count, more=done.more
        )

    async def GetProjectQuality(self, request: pb.GetProjectQualityRequest, context: object) -> pb.ProjectQuality:
        """Reads figures."""
        project = names.project_of(request.parent, field="parent")
        watch, features = await self._reading.features(project, request.feature)
        message = pb.ProjectQuality(parent=request.parent)
        for feature in features:
            message.features.append(convert.feature_quality(feature, await self._reading.figures(watch, feature)))
        if watch.change_ms:
            message.change_time.FromMilliseconds(watch.change_ms)
        return message

    async def ListItemQualities(
        self, request: pb.ListItemQualitiesRequest, context: object
    ) -> pb.ListItemQualitiesResponse:
        """Lists items, the most disputed first."""
        project, size = names.project_of(request.parent, field="parent"), page_size(request.page_size)
        watch, [feature] = await self._reading.features(project, request.feature)
        by = _COLUMNS[request.order]
        bound = {"parent": f"{request.parent}/{feature.feature}", "filter": str(request.min_score), "order_by": by}
        cursor = self._page_tokens.decode(request.page_token, **bound)
        after = None if cursor is None else (float(cursor[0] or 0), str(cursor[1]))
        rows = await self._store.items(
            project, feature.feature, by=by, least=request.min_score, after=after, limit=size + 1
        )
        last = rows[size - 1] if len(rows) > size else None
        token = "" if last is None else self._page_tokens.encode([getattr(last, by), last.item], **bound)
        gains = await self._reading.gains(watch, feature, rows[:size])
        items = [convert.item_quality(row, feature, gain) for row, gain in zip(rows[:size], gains, strict=True)]
        return pb.ListItemQualitiesResponse(items=items, next_page_token=token)

    async def RefitProjectQuality(
        self, request: pb.RefitProjectQualityRequest, context: object
    ) -> operations_pb2.Operation:
        """Starts a fit of everything."""
        await self._refitting.check(request)
        metadata = pb.RefitMetadata()
        metadata.progress.create_time.GetCurrentTime()

        async def start(session: AsyncSession) -> operations_pb2.Operation:
            project = names.project_of(request.parent, field="parent")
            return await self._operations.start(session, kind=KIND, project=project, request=request, metadata=metadata)

        return await self._requests.once(request, start, operations_pb2.Operation)
