"""What every area is made from, and what an area is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from google.protobuf.descriptor import FileDescriptor

from labelmill_quality.intake.spool import Spools
from labelmill_quality.live.ports import ChangeSource
from labelmill_quality.page.ports import CleanContents
from labelmill_quality.ports import AnnotationSource
from labelmill_quality.servicers.computed import Computing
from labelmill_quality.settings import QualitySettings
from labelmill_runtime.database import Database
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.operations import OperationStore
from labelmill_runtime.service import AddServicer, RuntimeContext
from labelmill_runtime.workers import WorkerPool


@dataclass(frozen=True)
class Parts:
    """What the areas share."""

    settings: QualitySettings
    context: RuntimeContext
    database: Database
    workers: WorkerPool
    computing: Computing
    source: AnnotationSource
    changes: ChangeSource
    contents: CleanContents
    requests: RequestLog
    operations: OperationStore

    def spools(self, most_bytes: int | None = None) -> Spools:
        """Where streams wait until they have ended; `most_bytes` bounds one below what the settings allow."""
        limit, folder = self.settings.max_spool_bytes, self.settings.spool_dir
        bounded = limit if most_bytes is None else min(limit, most_bytes)
        return Spools(folder or self.context.settings.data_dir / "quality-spool", bounded)


@dataclass(frozen=True)
class Area:
    """What one area adds to the service."""

    servicers: Sequence[tuple[AddServicer, object]] = ()
    descriptors: Sequence[FileDescriptor] = ()
    start: Sequence[Callable[[], Awaitable[None]]] = ()
    """Called when the port is open."""
    close: Sequence[Callable[[], Awaitable[None]]] = ()
    """Called when the last call has ended."""
