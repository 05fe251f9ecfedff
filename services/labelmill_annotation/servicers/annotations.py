"""labelmill.annotation.v1.AnnotationService."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from labelmill.annotation.v1 import service_pb2, service_pb2_grpc
from labelmill.type.v1 import annotation_pb2, erasure_pb2
from labelmill_annotation.convert import export, requests, resources, statements
from labelmill_annotation.errors import AnnotationNotFound
from labelmill_annotation.servicers.desk import Desk, project_id, read_page
from labelmill_annotation.tasks import Gold
from labelmill_annotation.versions import Annotation
from labelmill_annotation.work import correction, creation, erasure, holding, projects
from labelmill_runtime import names, paging
from labelmill_runtime.errors import LabelmillError
from labelmill_runtime.principal import current_principal

_NAME = "projects/{project}/annotations/{annotation}"
_ASSET = "projects/{project}/assets/{asset}"
_PAGE_BYTES = 3 * 1024 * 1024
_BenchmarkResult = service_pb2.BatchCreateBenchmarksResponse.Result


class AnnotationServicer(service_pb2_grpc.AnnotationServiceServicer):
    """Annotations and benchmarks."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def BatchCreateBenchmarks(  # noqa: N802
        self, request: service_pb2.BatchCreateBenchmarksRequest, context: Any
    ) -> service_pb2.BatchCreateBenchmarksResponse:
        """Adds gold."""
        parent = project_id(request.parent)
        async with self._desk.archive.reading() as records:
            await projects.require(records.projects, parent)
        asked = requests.new_gold(request, parent)
        valid = [item for item in asked if isinstance(item, creation.NewGold)]
        assets = sorted({item.asset for item in valid})
        began_ms = self._desk.now_ms()
        described = await self._desk.assets.describe(parent, assets) if assets else {}

        async def respond(session: AsyncSession) -> service_pb2.BatchCreateBenchmarksResponse:
            records, now_ms = self._desk.archive.within(session), self._desk.now_ms()
            project = await projects.require_locked(records.projects, parent)
            known = await erasure.without_erased(records, parent, described, began_ms)
            ontologies = self._desk.ontologies
            made = iter(await creation.create_benchmarks(records, project, valid, known, ontologies, now_ms))
            outcomes = [next(made) if isinstance(item, creation.NewGold) else item for item in asked]
            return service_pb2.BatchCreateBenchmarksResponse(results=[_benchmark(outcome) for outcome in outcomes])

        return await self._desk.requests.once(request, respond, service_pb2.BatchCreateBenchmarksResponse)

    async def ListBenchmarks(  # noqa: N802
        self, request: service_pb2.ListBenchmarksRequest, context: Any
    ) -> service_pb2.ListBenchmarksResponse:
        """Lists benchmarks."""
        parent = project_id(request.parent)
        async with self._desk.archive.reading() as records:
            await projects.require(records.projects, parent)
            page, token = await read_page(
                self._desk.page_tokens,
                request,
                parent=request.parent,
                filter_text=request.filter,
                start="",
                fetch=lambda after, limit: records.benchmarks.page(parent, request.filter, str(after), limit),
                place=lambda gold: gold.id,
            )
        messages = [resources.benchmark_message(gold) for gold in page]
        return service_pb2.ListBenchmarksResponse(benchmarks=messages, next_page_token=token)

    async def GetAnnotation(  # noqa: N802
        self, request: service_pb2.GetAnnotationRequest, context: Any
    ) -> annotation_pb2.Annotation:
        """Reads a version of an annotation."""
        parts, caller = names.parse(_NAME, request.name), current_principal()
        async with self._desk.archive.reading() as records:
            project = await projects.require(records.projects, parts["project"])
            found = await correction.visible_annotation(records, caller, project, parts["annotation"], request.version)
        return statements.annotation(found)

    async def ReviseAnnotations(  # noqa: N802
        self, request: service_pb2.ReviseAnnotationsRequest, context: Any
    ) -> service_pb2.ReviseAnnotationsResponse:
        """Corrects the annotations of a submitted task."""
        parts = names.parse(holding.TASK_NAME, request.task, field="task")
        sent, caller = [statements.statement(message) for message in request.annotations], current_principal()

        async def respond(session: AsyncSession) -> service_pb2.ReviseAnnotationsResponse:
            records, now_ms = self._desk.archive.within(session), self._desk.now_ms()
            project = await projects.require(records.projects, parts["project"])
            ontologies = self._desk.ontologies
            current = await correction.revise(records, caller, project, parts["task"], sent, ontologies, now_ms)
            messages = [statements.annotation(version) for version in current]
            return service_pb2.ReviseAnnotationsResponse(annotations=messages)

        return await self._desk.requests.once(request, respond, service_pb2.ReviseAnnotationsResponse)

    async def ListAnnotationVersions(  # noqa: N802
        self, request: service_pb2.ListAnnotationVersionsRequest, context: Any
    ) -> service_pb2.ListAnnotationVersionsResponse:
        """Lists the versions of an annotation, newest first."""
        parts = names.parse(_NAME, request.name)
        async with self._desk.archive.reading() as records:
            await projects.require(records.projects, parts["project"])
            versions = await records.annotations.versions(parts["project"], parts["annotation"])
        if not versions:
            raise AnnotationNotFound(parts["project"], parts["annotation"])
        messages = [statements.annotation(version) for version in versions]
        return service_pb2.ListAnnotationVersionsResponse(annotations=messages)

    async def ListAnnotations(  # noqa: N802
        self, request: service_pb2.ListAnnotationsRequest, context: Any
    ) -> service_pb2.ListAnnotationsResponse:
        """Lists current annotations; a page also ends where the message would grow too large."""
        parent = project_id(request.parent)
        async with self._desk.archive.reading() as records:
            await projects.require(records.projects, parent)
            page, token = await read_page(
                self._desk.page_tokens,
                request,
                parent=request.parent,
                filter_text=request.filter,
                start="",
                fetch=lambda after, limit: records.annotations.page(parent, request.filter, str(after), limit),
                place=lambda annotation: annotation.id,
            )
        fitting = _fitting(page)
        if len(fitting) < len(page):
            token = self._desk.page_tokens.encode([fitting[-1].id], parent=request.parent, filter=request.filter)
        messages = [statements.annotation(annotation) for annotation in fitting]
        return service_pb2.ListAnnotationsResponse(annotations=messages, next_page_token=token)

    async def ListAnnotationChanges(  # noqa: N802
        self, request: service_pb2.ListAnnotationChangesRequest, context: Any
    ) -> service_pb2.ListAnnotationChangesResponse:
        """Lists newest versions by time; a page also ends where the message would grow too large."""
        parent, size = project_id(request.parent), paging.page_size(request.page_size)
        start_ms = request.start_time.ToMilliseconds()
        bound = {"parent": request.parent, "filter": str(start_ms), "order_by": "create_time"}
        cursor = self._desk.page_tokens.decode(request.page_token, **bound)
        after = (start_ms, "") if cursor is None else (int(cursor[0] or 0), str(cursor[1]))
        async with self._desk.archive.reading() as records:
            await projects.require(records.projects, parent)
            page = await records.annotations.changes(parent, after, size + 1)
        fitting = _fitting(page[:size])
        last = fitting[-1] if len(fitting) < len(page) else None
        token = "" if last is None else self._desk.page_tokens.encode([last.create_ms, last.id], **bound)
        changes = [resources.change(annotation) for annotation in fitting]
        return service_pb2.ListAnnotationChangesResponse(changes=changes, next_page_token=token)

    async def ExportAnnotations(  # noqa: N802
        self, request: service_pb2.ExportAnnotationsRequest, context: Any
    ) -> AsyncIterator[service_pb2.ExportAnnotationsResponse]:
        """Exports current annotations, page by page, so that memory does not grow with the project."""
        parent, size, after = project_id(request.parent), self._desk.export_page_size, ""
        async with self._desk.archive.reading() as records:
            await projects.require(records.projects, parent)
        while True:
            async with self._desk.archive.reading() as records:
                page = await records.annotations.page(parent, request.filter, after, size)
            # JSON is slow to write; in a thread it leaves the loop to other calls.
            for part in await asyncio.to_thread(lambda rows=page: list(export.parts(rows))):  # type: ignore[misc]
                yield part
            if len(page) < size:
                return
            after = page[-1].id

    async def EraseAssets(  # noqa: N802
        self, request: erasure_pb2.EraseAssetsRequest, context: Any
    ) -> erasure_pb2.EraseAssetsResponse:
        """Erases what is kept about assets."""
        parent = project_id(request.parent)
        asset_ids = names.ids_of(_ASSET, request.names, parent)

        async def respond(session: AsyncSession) -> erasure_pb2.EraseAssetsResponse:
            removed = await erasure.erase(self._desk.archive.within(session), parent, asset_ids)
            return erasure_pb2.EraseAssetsResponse(removed_counts=removed)

        response = await self._desk.requests.once(request, respond, erasure_pb2.EraseAssetsResponse)
        await self._desk.requests.forget(request.names)
        await self._desk.archive.scrub()
        return response


def _benchmark(outcome: Gold | LabelmillError) -> _BenchmarkResult:
    if isinstance(outcome, LabelmillError):
        return _BenchmarkResult(status=resources.status(outcome))
    return _BenchmarkResult(benchmark=resources.benchmark_message(outcome), status=resources.status(outcome))


def _fitting(page: Sequence[Annotation]) -> Sequence[Annotation]:
    """As many as fit into one message, at least one."""
    size = 0
    for count, annotation in enumerate(page):
        size += len(annotation.payload) + 512  # names, provenance and times
        if size > _PAGE_BYTES and count:
            return page[:count]
    return page
