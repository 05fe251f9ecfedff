"""Puts quality together from its areas; `python -m labelmill_quality.server` serves it alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from labelmill_quality.adapters.labelmill import LabelmillAnnotations
from labelmill_quality.adapters.labelmill_changes import LabelmillChanges
from labelmill_quality.adapters.labelmill_contents import LabelmillContents
from labelmill_quality.adapters.sql import metadata
from labelmill_quality.assembly.agreement import agreement
from labelmill_quality.assembly.answers import answers
from labelmill_quality.assembly.benchmark import benchmark
from labelmill_quality.assembly.classifier import classifier
from labelmill_quality.assembly.consensus import consensus
from labelmill_quality.assembly.instances import instances
from labelmill_quality.assembly.labelers import labelers
from labelmill_quality.assembly.live import live
from labelmill_quality.assembly.model_quality import model_quality
from labelmill_quality.assembly.parts import Parts
from labelmill_quality.assembly.planning import planning
from labelmill_quality.assembly.projects import projects
from labelmill_quality.assembly.weak_supervision import weak_supervision
from labelmill_quality.live.ports import ChangeSource
from labelmill_quality.page.ports import CleanContents
from labelmill_quality.ports import AnnotationSource
from labelmill_quality.servicers.computed import Computing
from labelmill_quality.settings import QualitySettings
from labelmill_runtime.database import Database
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.operations import OperationStore
from labelmill_runtime.service import RuntimeContext, Service, run
from labelmill_runtime.workers import WorkerPool

NAME = "quality"
AREAS = (
    agreement,
    labelers,
    consensus,
    benchmark,
    answers,
    planning,
    classifier,
    instances,
    projects,
    live,
    weak_supervision,
    model_quality,
)


async def build(context: RuntimeContext) -> Service:
    """The service, reading from the annotation service."""
    annotations, peers = LabelmillAnnotations(context.peers), context.peers
    changes, contents = LabelmillChanges(peers, annotations), LabelmillContents(peers)
    return await build_with(context, QualitySettings(), annotations, changes, contents)


async def build_with(
    context: RuntimeContext,
    settings: QualitySettings,
    source: AnnotationSource,
    changes: ChangeSource,
    contents: CleanContents,
) -> Service:
    """The service, reading from any sources."""
    database = await Database.open(context.settings, NAME, metadata)
    workers = WorkerPool(settings.workers, max_pending=settings.max_pending)
    parts = Parts(
        settings=settings,
        context=context,
        database=database,
        workers=workers,
        computing=Computing(
            workers, cell_limit=settings.cell_limit, max_message_bytes=context.settings.max_message_bytes
        ),
        source=source,
        changes=changes,
        contents=contents,
        requests=RequestLog(database),
        operations=OperationStore(database, NAME, lease_s=context.settings.operation_lease_s),
    )
    areas = [area(parts) for area in AREAS]
    return Service(
        name=NAME,
        servicers=[pair for area in areas for pair in area.servicers],
        descriptors=[descriptor for area in areas for descriptor in area.descriptors],
        operations=parts.operations,
        request_log=parts.requests,
        start=_all([step for area in areas for step in area.start]),
        close=_all([*(step for area in areas for step in area.close), workers.close, database.close]),
        ready=database.ping,
    )


def _all(steps: Sequence[Callable[[], Awaitable[None]]]) -> Callable[[], Awaitable[None]]:
    async def run_all() -> None:
        for step in steps:
            await step()

    return run_all


def main() -> None:
    """The console entry."""
    run(build)


if __name__ == "__main__":
    main()
