"""Where storage's adapters meet its domain; `python -m labelmill_storage.server` serves it alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import structlog

from labelmill.storage.v1 import (
    audit_service_pb2,
    audit_service_pb2_grpc,
    datasets_service_pb2,
    datasets_service_pb2_grpc,
    imports_service_pb2,
    imports_service_pb2_grpc,
    lifecycle_service_pb2,
    lifecycle_service_pb2_grpc,
    service_pb2,
    service_pb2_grpc,
)
from labelmill_runtime import service
from labelmill_runtime.database import Database
from labelmill_runtime.errors import LabelmillError
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.operations import OperationStore
from labelmill_runtime.service import RuntimeContext, Service
from labelmill_storage.adapters import key_seed
from labelmill_storage.adapters.audit_key import AuditKey
from labelmill_storage.adapters.deletion_sweeper import DeletionSweeper
from labelmill_storage.adapters.egress import SqlEgressMeter
from labelmill_storage.adapters.import_buckets import Connection, ImportBuckets
from labelmill_storage.adapters.import_roots import ImportRoots
from labelmill_storage.adapters.labelmill import AnnotationProjects
from labelmill_storage.adapters.local_anchors import LocalAnchors
from labelmill_storage.adapters.local_files import LocalFiles
from labelmill_storage.adapters.local_urls import LocalUrls
from labelmill_storage.adapters.orphan_sweeper import OrphanSweeper
from labelmill_storage.adapters.parquet_manifest import ParquetManifests
from labelmill_storage.adapters.peer_erasure import PeerErasure
from labelmill_storage.adapters.probing import Probes
from labelmill_storage.adapters.source_places import SettledPlaces
from labelmill_storage.adapters.sql import SqlRecords
from labelmill_storage.adapters.sql_audit import SqlAuditLog
from labelmill_storage.adapters.sql_datasets import SqlDatasets
from labelmill_storage.adapters.sql_erasure_work import SqlErasureWork
from labelmill_storage.adapters.sql_holds import SqlHolds
from labelmill_storage.adapters.sql_imports import SqlImports, SqlSources
from labelmill_storage.adapters.sql_retention import SqlRetention
from labelmill_storage.adapters.sql_snapshots import SqlSnapshots
from labelmill_storage.adapters.sql_uploads import SqlUploads
from labelmill_storage.adapters.sql_usage import SqlUsage
from labelmill_storage.adapters.tables import StorageTables, storage_tables
from labelmill_storage.adapters.trusted_keys import TrustedKeyDirectory
from labelmill_storage.admission import AdmissionDesk
from labelmill_storage.anchoring import Anchoring
from labelmill_storage.assets import AssetIds, Zone
from labelmill_storage.describing import Describer
from labelmill_storage.exception_desk import ExceptionDesk
from labelmill_storage.housekeeping import Chore, Housekeeping
from labelmill_storage.import_rows import RowImport
from labelmill_storage.importing import Importer
from labelmill_storage.ingest import Ingest
from labelmill_storage.limits import Limits
from labelmill_storage.links import Links
from labelmill_storage.operations import create_snapshot, erase, run_import
from labelmill_storage.operations.erasures import ErasureStarter
from labelmill_storage.ports import AuditAnchors, ObjectStore, ProjectDirectory
from labelmill_storage.raw_reads import RawReads
from labelmill_storage.reading import Reader
from labelmill_storage.servicers.assets import StorageServicer
from labelmill_storage.servicers.audit import AuditServicer
from labelmill_storage.servicers.datasets import DatasetServicer
from labelmill_storage.servicers.imports import ImportServicer
from labelmill_storage.servicers.lifecycle import LifecycleServicer
from labelmill_storage.servicers.uploads import FINISH, FinishUpload
from labelmill_storage.settings import StorageSettings
from labelmill_storage.snapshot_export import SnapshotExport
from labelmill_storage.uploads import Uploads

NAME = "storage"
_EGRESS_FLUSH_S = 5.0
_DELETIONS_S = 30.0
"""How long an object that is to go stays at most, when nobody asks for its removal at once."""
_ERASURES_S = 60.0
_PAUSE_S = 0.1
"""Between rounds of chores that wait by themselves."""


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
    objects = open_objects(settings, data_dir)
    records = SqlRecords(database, tables)
    projects = projects or AnnotationProjects(context.peers, cache_s=settings.project_cache_s)
    keys = TrustedKeyDirectory(settings.trusted_receipt_keys_dir or data_dir / "secrets" / "receipt-keys")
    limit = settings.max_asset_bytes
    request_log = RequestLog(database)
    ids = AssetIds(read_seed(settings, data_dir))
    probes = Probes(settings.probe_workers, settings.probe_seconds)
    describer = Describer(probes, limits_of(settings))
    ingest = Ingest(objects, records, projects, ids, limit, describer)
    upload_records = SqlUploads(database, tables, records)
    expiry = timedelta(hours=settings.upload_expiry_hours)
    uploads = Uploads(ingest, objects, records, upload_records, projects, ids, max_asset_bytes=limit, expiry=expiry)
    operations = OperationStore(database, NAME, lease_s=context.settings.operation_lease_s)
    operations.register(
        FINISH,
        FinishUpload(uploads).run,
        service_pb2.FinishUploadRequest,
        service_pb2.FinishUploadMetadata,
        max_parallel=2,
    )
    egress = SqlEgressMeter(database, tables)
    audit_log = SqlAuditLog(database, tables)
    audit_key = AuditKey.open(settings.audit_key_file or data_dir / "secrets" / "audit-signing-key")
    anchors = open_anchors(settings, data_dir)
    anchoring = Anchoring(audit_log, anchors, audit_key)
    parts = _Parts(settings, context, database, tables, objects, ids, projects, request_log, operations)
    lifecycle = _lifecycle(parts, egress, audit_key)
    housekeeping = Housekeeping(
        [
            Chore("audit_anchors", settings.audit_anchor_seconds, anchoring.write_grown, at_close=True),
            Chore("expired_uploads", 600.0, uploads.drop_expired),
            Chore("egress", _EGRESS_FLUSH_S, egress.flush, at_close=True),
            *lifecycle.chores,
        ]
    )
    manifests = ParquetManifests(objects, Reader(objects, records))
    snapshots = SqlSnapshots(database, tables)
    creation = create_snapshot.CreateSnapshot(snapshots, manifests, records)
    operations.register(
        create_snapshot.KIND,
        creation.run,
        datasets_service_pb2.CreateSnapshotRequest,
        datasets_service_pb2.CreateSnapshotMetadata,
        max_parallel=2,
    )
    datasets = DatasetServicer(
        datasets=SqlDatasets(database, tables),
        snapshots=snapshots,
        manifests=manifests,
        creation=creation,
        export=SnapshotExport(manifests, records, objects, egress),
        projects=projects,
        operations=operations,
        request_log=request_log,
        page_tokens=context.page_tokens,
    )
    servicer = StorageServicer(
        ingest=ingest,
        uploads=uploads,
        upload_records=upload_records,
        links=Links(objects, records, audit_log, egress),
        operations=operations,
        reader=Reader(objects, records),
        egress=egress,
        raw_reads=RawReads(audit_log),
        exceptions=ExceptionDesk(objects, records, projects),
        desk=AdmissionDesk(objects, records, projects, keys, limit, describer),
        records=records,
        projects=projects,
        request_log=request_log,
        page_tokens=context.page_tokens,
    )
    return Service(
        name=NAME,
        servicers=[
            (service_pb2_grpc.add_StorageServiceServicer_to_server, servicer),
            (
                audit_service_pb2_grpc.add_AuditServiceServicer_to_server,
                AuditServicer(audit_log, anchoring, projects, context.page_tokens),
            ),
            (datasets_service_pb2_grpc.add_DatasetServiceServicer_to_server, datasets),
            (lifecycle_service_pb2_grpc.add_LifecycleServiceServicer_to_server, lifecycle.servicer),
            (imports_service_pb2_grpc.add_ImportServiceServicer_to_server, _imports(parts, ingest, records)),
        ],
        descriptors=[
            service_pb2.DESCRIPTOR,
            audit_service_pb2.DESCRIPTOR,
            datasets_service_pb2.DESCRIPTOR,
            lifecycle_service_pb2.DESCRIPTOR,
            imports_service_pb2.DESCRIPTOR,
        ],
        operations=operations,
        request_log=request_log,
        start=partial(_start, objects, housekeeping),
        close=partial(_close, probes, housekeeping, anchors, manifests, database, objects),
        ready=partial(_ready, database, objects),
    )


@dataclass(frozen=True)
class _Parts:
    """What the areas of the service share."""

    settings: StorageSettings
    context: RuntimeContext
    database: Database
    tables: StorageTables
    objects: ObjectStore
    ids: AssetIds
    projects: ProjectDirectory
    request_log: RequestLog
    operations: OperationStore


def _imports(parts: _Parts, ingest: Ingest, records: SqlRecords) -> ImportServicer:
    """Sources and imports."""
    settings, data_dir = parts.settings, parts.context.settings.data_dir
    kept = (data_dir, settings.objects_dir, settings.spool_dir)  # never imported, whatever the roots are
    roots = ImportRoots(settings.import_roots, [folder for folder in kept if folder is not None])
    connection = Connection(
        settings.import_endpoint,
        settings.import_access_key,
        settings.import_secret_key,
        settings.import_secure,
        settings.import_region,
    )
    sources, items = SqlSources(parts.database, parts.tables), SqlImports(parts.database, parts.tables)
    places = SettledPlaces(roots, ImportBuckets(connection, settings.import_buckets))
    importer = Importer(ingest, records, sources, items, places, parts.ids)
    imports = run_import.RunImport(sources, importer, parts.operations)
    messages = imports_service_pb2.RunImportRequest, imports_service_pb2.ImportMetadata
    parts.operations.register(run_import.KIND, imports.run, *messages, max_parallel=2)
    return ImportServicer(
        sources=sources,
        items=items,
        places=places,
        imports=imports,
        rows=RowImport(ingest, records),
        projects=parts.projects,
        request_log=parts.request_log,
        page_tokens=parts.context.page_tokens,
    )


@dataclass(frozen=True)
class _Lifecycle:
    servicer: LifecycleServicer
    chores: Sequence[Chore]


def _lifecycle(parts: _Parts, egress: SqlEgressMeter, signer: AuditKey) -> _Lifecycle:
    """Retention, holds, erasure and usage."""
    database, tables, objects, settings = parts.database, parts.tables, parts.objects, parts.settings
    sweeper = DeletionSweeper(database, tables, objects, parts.ids)
    orphans = OrphanSweeper(database, tables, objects, parts.ids, interval_s=settings.orphan_sweep_hours * 3600)
    retention = SqlRetention(database, tables, expired=sweeper.wake)
    work = SqlErasureWork(database, tables, parts.ids)
    starter = ErasureStarter(work, parts.operations)
    run = erase.Erase(work, PeerErasure(parts.context.peers), sweeper, objects, parts.request_log, signer).run
    messages = lifecycle_service_pb2.EraseAssetsRequest, lifecycle_service_pb2.EraseAssetsMetadata
    parts.operations.register(erase.KIND, run, *messages, max_parallel=2)
    servicer = LifecycleServicer(
        retention=retention,
        holds=SqlHolds(database, tables),
        erasures=work,
        starter=starter,
        usage=SqlUsage(database, tables),
        egress=egress,
        ids=parts.ids,
        projects=parts.projects,
        request_log=parts.request_log,
        page_tokens=parts.context.page_tokens,
    )
    chores = (
        Chore("deletions", _PAUSE_S, partial(sweeper.wait_and_sweep, _DELETIONS_S)),
        Chore("orphans", _PAUSE_S, orphans.wait_and_sweep),
        Chore("retention", settings.retention_seconds, retention.apply_all),
        Chore("retention_asked", _PAUSE_S, retention.wait_and_apply),
        Chore("erasures", _ERASURES_S, starter.restart_unfinished),
    )
    return _Lifecycle(servicer, chores)


def open_objects(settings: StorageSettings, data_dir: Path) -> ObjectStore:
    """The object store that the settings name."""
    if settings.object_store == "local":
        root = settings.objects_dir or data_dir / "objects"
        return LocalFiles(root, threads=settings.io_threads, urls=_local_urls(settings, data_dir))
    return _open_minio(settings, data_dir)


def _open_minio(settings: StorageSettings, data_dir: Path) -> ObjectStore:
    from labelmill_storage.adapters.minio import BucketAccess, MinioStore  # the SDK is needed only here
    from labelmill_storage.adapters.s3_encryption import headers_of

    raw_secret, clean_secret = settings.raw_secret_key.get_secret_value(), settings.clean_secret_key.get_secret_value()
    raw_sse = headers_of(settings.sse, settings.raw_kms_key_id)
    clean_sse = headers_of(settings.sse, settings.clean_kms_key_id)
    return MinioStore(
        settings.minio_endpoint,
        {
            Zone.RAW: BucketAccess(settings.raw_bucket, settings.raw_access_key, raw_secret, raw_sse),
            Zone.CLEAN: BucketAccess(settings.clean_bucket, settings.clean_access_key, clean_secret, clean_sse),
        },
        spool_dir=settings.spool_dir or data_dir / "spool",
        secure=settings.minio_secure,
        region=settings.minio_region,
        public_url=settings.minio_public_endpoint,
        threads=settings.io_threads,
        part_bytes=settings.minio_part_bytes,
        staging_age=timedelta(hours=settings.minio_staging_hours),
    )


def open_anchors(settings: StorageSettings, data_dir: Path) -> AuditAnchors:
    """Where heads of the audit log are written down: beside the object store, never in the database."""
    if settings.object_store == "local":
        return LocalAnchors(data_dir / "audit-anchors")
    from labelmill_storage.adapters.s3_anchors import S3Anchors  # the SDK is needed only here
    from labelmill_storage.adapters.s3_calls import Bucket
    from labelmill_storage.adapters.s3_encryption import headers_of

    server = partial(
        S3Anchors.client, settings.minio_endpoint, secure=settings.minio_secure, region=settings.minio_region
    )
    if settings.audit_bucket:  # encrypted as that bucket itself says
        client = server(settings.audit_access_key, settings.audit_secret_key.get_secret_value())
        return S3Anchors(Bucket(client, settings.audit_bucket))
    client = server(settings.raw_access_key, settings.raw_secret_key.get_secret_value())
    return S3Anchors(Bucket(client, settings.raw_bucket, headers_of(settings.sse, settings.raw_kms_key_id)))


def limits_of(settings: StorageSettings) -> Limits:
    """What contents are refused beyond."""
    return Limits(
        image_pixels=settings.max_image_pixels,
        image_side_px=settings.max_image_side_px,
        archive_bytes=settings.max_archive_bytes,
        archive_ratio=settings.max_archive_ratio,
        archive_entries=settings.max_archive_entries,
    )


def _local_urls(settings: StorageSettings, data_dir: Path) -> LocalUrls:
    return LocalUrls(
        key_seed.read_or_make(data_dir / "secrets" / "object-url-key"),
        host=settings.url_host,
        port=settings.url_port,
        base=settings.url_base,
        allow_origin=settings.url_allow_origin,
    )


def read_seed(settings: StorageSettings, data_dir: Path) -> bytes:
    """The secret behind asset ids: from the setting, or from its file."""
    if settings.project_key_seed is not None:
        return key_seed.parse(settings.project_key_seed.get_secret_value())
    return key_seed.read_or_make(settings.project_key_seed_file or data_dir / "secrets" / "project-key-seed")


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


async def _close(
    probes: Probes,
    housekeeping: Housekeeping,
    anchors: AuditAnchors,
    manifests: ParquetManifests,
    database: Database,
    objects: ObjectStore,
) -> None:
    await probes.close()
    await housekeeping.close()
    await anchors.close()
    await manifests.close()
    await objects.close()
    await database.close()


def main() -> None:
    """Serves storage alone."""
    service.run(build)


if __name__ == "__main__":
    main()
