"""The object store, the anchors of the audit log, the seed of asset ids: as the settings say."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path

from labelmill_storage.adapters.audit.local_anchors import LocalAnchors
from labelmill_storage.adapters.secrets import key_seed
from labelmill_storage.assets import Zone
from labelmill_storage.ports import AuditAnchors, ObjectStore
from labelmill_storage.settings import StorageSettings


def open_objects(settings: StorageSettings, data_dir: Path) -> ObjectStore:
    """The object store that the settings name."""
    if settings.object_store == "local":
        return _open_local(settings, data_dir)
    return _open_minio(settings, data_dir)


def _open_local(settings: StorageSettings, data_dir: Path) -> ObjectStore:
    from labelmill_storage.adapters.objects.local_files import LocalFiles
    from labelmill_storage.adapters.objects.local_urls import LocalUrls  # its HTTP server is needed only here

    urls = LocalUrls(
        key_seed.read_or_make(data_dir / "secrets" / "object-url-key"),
        host=settings.url_host,
        port=settings.url_port,
        base=settings.url_base,
        allow_origin=settings.url_allow_origin,
    )
    return LocalFiles(settings.objects_dir or data_dir / "objects", threads=settings.io_threads, urls=urls)


def _open_minio(settings: StorageSettings, data_dir: Path) -> ObjectStore:
    from labelmill_storage.adapters.objects.minio import BucketAccess, MinioStore  # the SDK is needed only here
    from labelmill_storage.adapters.objects.s3_encryption import headers_of

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
    from labelmill_storage.adapters.audit.s3_anchors import S3Anchors  # the SDK is needed only here
    from labelmill_storage.adapters.objects.s3_calls import Bucket
    from labelmill_storage.adapters.objects.s3_encryption import headers_of

    server = partial(
        S3Anchors.client, settings.minio_endpoint, secure=settings.minio_secure, region=settings.minio_region
    )
    if settings.audit_bucket:  # encrypted as that bucket itself says
        client = server(settings.audit_access_key, settings.audit_secret_key.get_secret_value())
        return S3Anchors(Bucket(client, settings.audit_bucket))
    client = server(settings.raw_access_key, settings.raw_secret_key.get_secret_value())
    return S3Anchors(Bucket(client, settings.raw_bucket, headers_of(settings.sse, settings.raw_kms_key_id)))


def read_seed(settings: StorageSettings, data_dir: Path) -> bytes:
    """The secret behind asset ids: from the setting, or from its file."""
    if settings.project_key_seed is not None:
        return key_seed.parse(settings.project_key_seed.get_secret_value())
    return key_seed.read_or_make(settings.project_key_seed_file or data_dir / "secrets" / "project-key-seed")
