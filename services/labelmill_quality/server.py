"""Puts the quality service together; `python -m labelmill_quality.server` serves it alone."""

from __future__ import annotations

from labelmill.quality.v1 import service_pb2, service_pb2_grpc
from labelmill_quality.adapters.labelmill import LabelmillAnnotations
from labelmill_quality.adapters.sql import SqlReports, metadata
from labelmill_quality.operations import KIND, ProjectScoring
from labelmill_quality.ports import AnnotationSource
from labelmill_quality.servicer import QualityServicer
from labelmill_quality.settings import QualitySettings
from labelmill_runtime.database import Database
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.operations import OperationStore
from labelmill_runtime.service import RuntimeContext, Service, run
from labelmill_runtime.workers import WorkerPool

NAME = "quality"


async def build(context: RuntimeContext) -> Service:
    """The service, reading from the annotation service."""
    return await build_with(context, QualitySettings(), LabelmillAnnotations(context.peers))


async def build_with(context: RuntimeContext, settings: QualitySettings, source: AnnotationSource) -> Service:
    """The service, reading from any source."""
    database = await Database.open(context.settings, NAME, metadata)
    workers = WorkerPool(settings.workers, max_pending=settings.max_pending)
    store, requests = SqlReports(database), RequestLog(database)
    operations = OperationStore(database, NAME, lease_s=context.settings.operation_lease_s)
    scoring = ProjectScoring(source, store, workers, settings)
    operations.register(KIND, scoring.run, service_pb2.ScoreProjectRequest, service_pb2.ScoreProjectMetadata)
    servicer = QualityServicer(
        scoring,
        store,
        workers,
        operations,
        requests,
        context.page_tokens,
        cell_limit=settings.cell_limit,
        max_message_bytes=context.settings.max_message_bytes,
    )

    async def close() -> None:
        await workers.close()
        await database.close()

    return Service(
        name=NAME,
        servicers=[(service_pb2_grpc.add_QualityServiceServicer_to_server, servicer)],
        descriptors=[service_pb2.DESCRIPTOR],
        operations=operations,
        request_log=requests,
        close=close,
        ready=database.ping,
    )


def main() -> None:
    """Serves until told to stop."""
    run(build)


if __name__ == "__main__":
    main()
