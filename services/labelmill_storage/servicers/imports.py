"""ImportService over gRPC: proto in, domain call, proto out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from google.longrunning import operations_pb2
from google.protobuf.empty_pb2 import Empty
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill.storage.v1 import imports_service_pb2 as pb
from labelmill.storage.v1 import imports_service_pb2_grpc
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.paging import PageTokens, page_size
from labelmill_runtime.principal import current_principal
from labelmill_storage.convert import assets as convert_assets
from labelmill_storage.convert import imports as convert
from labelmill_storage.imports import sources
from labelmill_storage.imports.ports import ImportRecords, SourcePlaces, SourceRecords
from labelmill_storage.imports.rows import RowImport
from labelmill_storage.imports.sources import parse_source
from labelmill_storage.operations.run_import import RunImport
from labelmill_storage.ports import ProjectDirectory


@dataclass(frozen=True)
class ImportServicer(imports_service_pb2_grpc.ImportServiceServicer):
    """Serves sources and imports."""

    sources: SourceRecords
    items: ImportRecords
    places: SourcePlaces
    imports: RunImport
    rows: RowImport
    projects: ProjectDirectory
    request_log: RequestLog
    page_tokens: PageTokens

    async def CreateSource(self, request: pb.CreateSourceRequest, context: Any) -> pb.Source:  # noqa: N802
        """Makes a source."""
        source = convert.new_source(request)
        sources.check(source.place, source.labels)
        await self.projects.require(source.project)
        await self.places.check(source)

        async def respond(session: AsyncSession) -> pb.Source:
            await self.sources.create(session, source)
            return convert.source(source)

        return await self.request_log.once(request, respond, pb.Source)

    async def GetSource(self, request: pb.GetSourceRequest, context: Any) -> pb.Source:  # noqa: N802
        """Reads a source."""
        return convert.source(await self.sources.get(*parse_source(request.name)))

    async def ListSources(self, request: pb.ListSourcesRequest, context: Any) -> pb.ListSourcesResponse:  # noqa: N802
        """Lists sources by name."""
        project, parent = convert_assets.project(request.parent), f"{request.parent}/sources"
        cursor = self.page_tokens.decode(request.page_token, parent=parent)
        await self.projects.require(project)
        found, after = await self.sources.page(project, str(cursor[0]) if cursor else "", page_size(request.page_size))
        return pb.ListSourcesResponse(
            sources=[convert.source(source) for source in found],
            next_page_token=self.page_tokens.encode([after], parent=parent) if after else "",
        )

    async def DeleteSource(self, request: pb.DeleteSourceRequest, context: Any) -> Empty:  # noqa: N802
        """Forgets a source."""
        if await self.request_log.answered(request, Empty) is not None:
            return Empty()
        project, source_id = parse_source(request.name)
        await self.imports.require_idle(await self.sources.get(project, source_id))
        await self.sources.forget_items(project, source_id)

        async def respond(session: AsyncSession) -> Empty:
            source = await self.sources.hold(session, project, source_id)
            await self.imports.require_idle(source)
            await self.sources.delete(session, source)
            return Empty()

        return await self.request_log.once(request, respond, Empty)

    async def RunImport(self, request: pb.RunImportRequest, context: Any) -> operations_pb2.Operation:  # noqa: N802
        """Imports what is new in a source."""

        async def begin(session: AsyncSession) -> operations_pb2.Operation:
            return await self.imports.start(session, request)

        return await self.request_log.once(request, begin, operations_pb2.Operation)

    async def ListImportItems(  # noqa: N802
        self, request: pb.ListImportItemsRequest, context: Any
    ) -> pb.ListImportItemsResponse:
        """Lists what became of the items of a source."""
        bound = {"parent": request.parent, "filter": request.filter}
        cursor = self.page_tokens.decode(request.page_token, **bound)
        source = await self.sources.get(*parse_source(request.parent, field="parent"))
        after, size = str(cursor[0]) if cursor else "", page_size(request.page_size)
        page = await self.items.page(source, request.filter, after, size)
        return pb.ListImportItemsResponse(
            import_items=[convert.item(item, source.project) for item in page.items],
            next_page_token=self.page_tokens.encode([page.next_cursor], **bound) if page.next_cursor else "",
        )

    async def ImportRows(  # noqa: N802
        self, request_iterator: AsyncIterator[pb.ImportRowsRequest], context: Any
    ) -> AsyncIterator[pb.ImportRowsResponse]:
        """Creates assets from a stream of rows."""
        parts = convert.rows(request_iterator)
        header = await self.rows.begin(parts)
        roles = current_principal().roles(header.project)
        index = 0
        async for outcomes in self.rows.results(header, parts):
            for outcome in outcomes:
                yield pb.ImportRowsResponse(row_index=index, result=convert_assets.recorded(outcome, roles))
                index += 1
