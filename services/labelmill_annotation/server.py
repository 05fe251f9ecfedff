"""Where the adapters meet the domain: `python -m labelmill_annotation.server`."""

from __future__ import annotations

import time
from collections.abc import Callable

from labelmill.annotation.v1 import service_pb2, service_pb2_grpc
from labelmill_annotation.adapters.labelmill import KeptPredictions, StorageAssets
from labelmill_annotation.adapters.sql import SqlArchive
from labelmill_annotation.adapters.sql_tables import metadata
from labelmill_annotation.convert import ontologies
from labelmill_annotation.ontologies import Ontologies
from labelmill_annotation.ports import AssetSource, PredictionSource
from labelmill_annotation.servicers.annotations import AnnotationServicer
from labelmill_annotation.servicers.desk import Desk
from labelmill_annotation.servicers.projects import ProjectServicer
from labelmill_annotation.servicers.tasks import TaskServicer
from labelmill_annotation.settings import AnnotationSettings
from labelmill_runtime.database import Database
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.service import Builder, RuntimeContext, Service, run

NAME = "annotation"


async def build(context: RuntimeContext) -> Service:
    """The service, with storage and prelabel as its peers."""
    return await builder()(context)


def builder(
    assets: AssetSource | None = None,
    predictions: PredictionSource | None = None,
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
) -> Builder:
    """A builder with other sources than the peers, or another clock; for tests and embedding."""

    async def build_with(context: RuntimeContext) -> Service:
        settings = AnnotationSettings()
        database = await Database.open(context.settings, NAME, metadata)
        requests = RequestLog(database)
        desk = Desk(
            archive=SqlArchive(database, now_ms),
            requests=requests,
            page_tokens=context.page_tokens,
            ontologies=Ontologies(ontologies.from_payload),
            assets=assets or StorageAssets(context.peers, settings.storage_timeout_s),
            predictions=predictions or KeptPredictions(context.peers, settings.prediction_timeout_s),
            now_ms=now_ms,
            export_page_size=settings.export_page_size,
        )
        return Service(
            name=NAME,
            servicers=[
                (service_pb2_grpc.add_ProjectServiceServicer_to_server, ProjectServicer(desk)),
                (service_pb2_grpc.add_TaskServiceServicer_to_server, TaskServicer(desk)),
                (service_pb2_grpc.add_AnnotationServiceServicer_to_server, AnnotationServicer(desk)),
            ],
            descriptors=[service_pb2.DESCRIPTOR],
            request_log=requests,
            close=database.close,
            ready=database.ping,
        )

    return build_with


def main() -> None:
    """Serves until it is told to stop."""
    run(build)


if __name__ == "__main__":
    main()
