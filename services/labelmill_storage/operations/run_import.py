"""RunImport: one import of a source at a time, resumed where what is remembered ends."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from google.longrunning import operations_pb2

from labelmill.storage.v1 import imports_service_pb2 as pb
from labelmill_runtime.errors import NotFound
from labelmill_runtime.operations import OperationContext, OperationStore
from labelmill_storage.convert import imports as convert
from labelmill_storage.imports.importing import Importer, Order, Progress
from labelmill_storage.imports.ports import SourceRecords
from labelmill_storage.imports.sources import Bucket, ImportRunning, Source, parse_source

KIND = "run_import"
_TOLD_EVERY_S = 0.5


@dataclass(frozen=True)
class RunImport:
    """Starts and runs the operation."""

    sources: SourceRecords
    importer: Importer
    operations: OperationStore

    async def start(self, transaction: Any, request: pb.RunImportRequest) -> operations_pb2.Operation:
        """Begins, unless an import of this source is on its way."""
        source = await self.sources.hold(transaction, *parse_source(request.name))
        await self.require_idle(source)
        operation = await self.operations.start(
            transaction, kind=KIND, project=source.project, request=request, metadata=convert.begun(source)
        )
        await self.sources.begin(transaction, source, operation.name)
        return operation

    async def require_idle(self, source: Source) -> None:
        """Raises ImportRunning while an import is on its way."""
        if not source.operation:
            return
        try:
            operation = await self.operations.get(source.operation)
        except NotFound:  # it has ended and was forgotten
            return
        if not operation.done:
            raise ImportRunning(source.operation)

    async def run(self, context: OperationContext, request: pb.RunImportRequest) -> pb.ImportSummary:
        """Runs, or goes on after a crash."""
        source = await self.sources.get(*parse_source(request.name))
        order = Order(
            source,
            context.name,
            after_cursor=isinstance(source.place, Bucket) and request.mode != pb.RunImportRequest.MODE_COMPARE,
            retry_failed=request.retry_failed,
        )
        teller = _Teller(context, source)
        counts = await self.importer.run(order, teller.tell, context.hold)
        await teller.tell_all()
        return convert.summary(source, counts)


class _Teller:
    """Stores progress now and then: each time is a transaction."""

    def __init__(self, context: OperationContext, source: Source) -> None:
        self._context = context
        self._source = source
        assert isinstance(context.metadata, pb.ImportMetadata)
        self._metadata = context.metadata
        self._next_s = 0.0

    async def tell(self, progress: Progress) -> None:
        self._metadata = convert.told(self._metadata, self._source, progress)
        self._context.raise_if_stopped()
        if time.monotonic() >= self._next_s:
            await self.tell_all()

    async def tell_all(self) -> None:
        await self._context.progress(self._metadata)
        self._next_s = time.monotonic() + _TOLD_EVERY_S
