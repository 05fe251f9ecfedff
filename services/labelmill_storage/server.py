"""Puts storage together from its areas; `python -m labelmill_storage.server` serves it alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import structlog

from labelmill_runtime import service
from labelmill_runtime.database import Database
from labelmill_runtime.errors import LabelmillError
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.operations import OperationStore
from labelmill_runtime.service import RuntimeContext, Service
from labelmill_storage.adapters.egress import SqlEgressMeter
from labelmill_storage.adapters.labelmill import AnnotationProjects
from labelmill_storage.adapters.secrets.audit_key import AuditKey
from labelmill_storage.adapters.sql.sql_assets import SqlRecords
from labelmill_storage.adapters.sql.sql_audit import SqlAuditLog
from labelmill_storage.adapters.sql.tables import storage_tables
from labelmill_storage.assembly.assets import assets
from labelmill_storage.assembly.audit import audit
from labelmill_storage.assembly.datasets import datasets
from labelmill_storage.assembly.imports import imports
from labelmill_storage.assembly.lifecycle import lifecycle
from labelmill_storage.assembly.parts import Area, Parts
from labelmill_storage.assembly.stores import open_anchors, open_objects, read_seed
from labelmill_storage.assets import AssetIds
from labelmill_storage.housekeeping import Housekeeping
from labelmill_storage.ports import ObjectStore, ProjectDirectory
from labelmill_storage.settings import StorageSettings

NAME = "storage"


async def build(
    context: RuntimeContext,
    *,
    settings: StorageSettings | None = None,
    projects: ProjectDirectory | None = None,
) -> Service:
    """Storage on its database and object store.

    Args:
        context: The runtime's settings and peers.
        settings: Instead of those in the environment.
        projects: Instead of asking the annotation service.
    """
    settings = settings or StorageSettings()
    data_dir = context.settings.data_dir
    tables = storage_tables()
    database = await Database.open(context.settings, NAME, tables.metadata)
    parts = Parts(
        settings=settings,
        context=context,
        database=database,
        tables=tables,
        objects=open_objects(settings, data_dir),
        records=SqlRecords(database, tables),
        ids=AssetIds(read_seed(settings, data_dir)),
        projects=projects or AnnotationProjects(context.peers, cache_s=settings.project_cache_s),
        request_log=RequestLog(database),
        operations=OperationStore(database, NAME, lease_s=context.settings.operation_lease_s),
        egress=SqlEgressMeter(database, tables),
        audit_log=SqlAuditLog(database, tables),
        audit_key=AuditKey.open(settings.audit_key_file or data_dir / "secrets" / "audit-signing-key"),
    )
    of_assets = assets(parts)
    areas = [
        of_assets,
        audit(parts, open_anchors(settings, data_dir)),
        datasets(parts),
        lifecycle(parts),
        imports(parts, of_assets.ingest),
    ]
    housekeeping = Housekeeping([chore for area in areas for chore in area.chores])
    return Service(
        name=NAME,
        servicers=[(area.add, area.servicer) for area in areas],
        descriptors=[area.descriptor for area in areas],
        operations=parts.operations,
        request_log=parts.request_log,
        start=partial(_start, parts.objects, housekeeping),
        close=partial(_close, parts, housekeeping, areas),
        ready=partial(_ready, database, parts.objects),
    )


async def _start(objects: ObjectStore, housekeeping: Housekeeping) -> None:
    await objects.start()
    await _sweep(objects)
    await housekeeping.start()


async def _sweep(objects: ObjectStore) -> None:
    try:
        removed = await objects.sweep()
    except LabelmillError as error:  # an object store that is away must not keep the service from starting
        structlog.get_logger().warning("storage.sweep_failed", reason=error.reason)
        return
    if removed:
        structlog.get_logger().info("storage.swept_staging", objects=removed)


async def _ready(database: Database, objects: ObjectStore) -> bool:
    return await database.ping() and await objects.ping()


async def _close(parts: Parts, housekeeping: Housekeeping, areas: Sequence[Area]) -> None:
    await housekeeping.close()
    for area in areas:
        if area.close is not None:
            await area.close()
    await parts.objects.close()
    await parts.database.close()


def main() -> None:
    """Serves storage alone."""
    service.run(build)


if __name__ == "__main__":
    main()
