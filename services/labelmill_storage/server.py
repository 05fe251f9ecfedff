"""Where storage's adapters meet its domain; `python -m labelmill_storage.server` serves it alone."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path

import structlog

from labelmill.storage.v1 import (
    audit_service_pb2,
    audit_service_pb2_grpc,
    datasets_service_pb2,
    datasets_service_pb2_grpc,
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
from labelmill_storage.adapters.egress import SqlEgressMeter
from labelmill_storage.adapters.labelmill import AnnotationProjects
from labelmill_storage.adapters.local_anchors import LocalAnchors
from labelmill_storage.adapters.local_files import LocalFiles
from labelmill_storage.adapters.local_urls import LocalUrls
from labelmill_storage.adapters.parquet_manifest import ParquetManifests
from labelmill_storage.adapters.sql import SqlRecords
from labelmill_storage.adapters.sql_audit import SqlAuditLog
from labelmill_storage.adapters.sql_datasets import SqlDatasets
from labelmill_storage.adapters.sql_snapshots import SqlSnapshots
from labelmill_storage.adapters.sql_uploads import SqlUploads
from labelmill_storage.adapters.tables import storage_tables
from labelmill_storage.adapters.trusted_keys import TrustedKeyDirectory
from labelmill_storage.admission import AdmissionDesk
from labelmill_storage.anchoring import Anchoring
from labelmill_storage.assets import AssetIds, Zone
from labelmill_storage.exception_desk import ExceptionDesk
from labelmill_storage.housekeeping import Chore, Housekeeping
from labelmill_storage.ingest import Ingest
from labelmill_storage.links import Links
from labelmill_storage.operations import create_snapshot
from labelmill_storage.ports import AuditAnchors, ObjectStore, ProjectDirectory
from labelmill_storage.raw_reads import RawReads
from labelmill_storage.reading import Reader
from labelmill_storage.servicers.assets import StorageServicer
from labelmill_storage.servicers.audit import AuditServicer
from labelmill_storage.servicers.datasets import DatasetServicer
from labelmill_storage.servicers.uploads import FINISH, FinishUpload
from labelmill_storage.settings import StorageSettings
from labelmill_storage.snapshot_export import SnapshotExport
from labelmill_storage.uploads import Uploads

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
    objects = open_objects(settings, data_dir)
    records = SqlRecords(database, tables)
    projects = projects or AnnotationProjects(context.peers, cache_s=settings.project_cache_s)
    keys = TrustedKeyDirectory(settings.trusted_receipt_keys_dir or data_dir / "secrets" / "receipt-keys")
    limit = settings.max_asset_bytes
    request_log = RequestLog(database)
    ids = AssetIds(read_seed(settings, data_dir))
    ingest = Ingest(objects, records, projects, ids, limit)
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
    housekeeping = Housekeeping(
        [
            Chore("audit_anchors", settings.audit_anchor_seconds, anchoring.write_grown, at_close=True),
            Chore("expired_uploads", 600.0, uploads.drop_expired),
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
        raw_reads=RawReads(audit_log),
        exceptions=ExceptionDesk(objects, records, projects),
        desk=AdmissionDesk(objects, records, projects, keys, limit),
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
        ],
        descriptors=[service_pb2.DESCRIPTOR, audit_service_pb2.DESCRIPTOR, datasets_service_pb2.DESCRIPTOR],
        operations=operations,
        request_log=request_log,
        start=partial(_start, objects, housekeeping),
        close=partial(_close, housekeeping, anchors, manifests, database, objects),
        ready=partial(_ready, database, objects),
    )


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

    keys = settings.raw_access_key, settings.raw_secret_key
    if settings.audit_bucket:
        keys = settings.audit_access_key, settings.audit_secret_key
    return S3Anchors.open(
        settings.minio_endpoint,
        settings.audit_bucket or settings.raw_bucket,
        keys[0],
        keys[1].get_secret_value(),
        secure=settings.minio_secure,
        region=settings.minio_region,
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
    housekeeping: Housekeeping,
    anchors: AuditAnchors,
    manifests: ParquetManifests,
    database: Database,
    objects: ObjectStore,
) -> None:
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
