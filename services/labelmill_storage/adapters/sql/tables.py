"""The tables of storage. Times are integer microseconds since 1970 (UTC), which both databases compare alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)


@dataclass(frozen=True)
class StorageTables:
    """All tables of storage."""

    metadata: MetaData
    assets: Table
    receipts: Table
    exceptions: Table
    uploads: Table
    deletions: Table
    audit_entries: Table
    audit_heads: Table
    sources: Table
    import_items: Table
    datasets: Table
    dataset_assets: Table
    snapshots: Table
    snapshot_assets: Table
    retention: Table
    legal_holds: Table
    legal_hold_assets: Table
    erasures: Table
    erased_assets: Table
    erased_subjects: Table
    quotas: Table
    usage: Table
    egress: Table


def storage_tables() -> StorageTables:
    """The tables, in a metadata of their own."""
    metadata = MetaData()
    return StorageTables(
        metadata,
        *_asset_tables(metadata),
        *_object_tables(metadata),
        *_audit_tables(metadata),
        *_import_tables(metadata),
        *_dataset_tables(metadata),
        *_lifecycle_tables(metadata),
        *_usage_tables(metadata),
    )


def _asset_tables(metadata: MetaData) -> tuple[Table, ...]:
    assets = Table(
        "assets",
        metadata,
        # The order of creation, which lists follow.
        Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
        Column("project", String(63), nullable=False),
        Column("asset_id", String(32), nullable=False),
        Column("zone", SmallInteger, nullable=False),
        *_content("raw", required=True),
        *_content("clean", required=False),
        Column("receipt", String(255), nullable=False),
        Column("receipt_time_us", BigInteger, nullable=False),
        Column("exception", String(255), nullable=False, server_default=""),
        Column("admit_time_us", BigInteger),  # when the clean content of now came in
        Column("external_id", Text, nullable=False),
        Column("labels", JSON, nullable=False),
        Column("subject_hash", String(64), nullable=False, server_default=""),
        Column("create_time_us", BigInteger, nullable=False),
        Column("update_time_us", BigInteger, nullable=False),
        UniqueConstraint("project", "asset_id", name="uq_assets_project_asset_id"),
        Index("ix_assets_project_seq", "project", "seq"),
        Index("ix_assets_project_subject", "project", "subject_hash"),
        Index("ix_assets_project_clean", "project", "clean_sha256"),
        _locations("raw"),
        _locations("clean"),
    )
    receipts = Table(
        "receipts",
        metadata,
        Column("project", String(63), primary_key=True),
        Column("receipt_id", String(128), primary_key=True),
        Column("asset_id", String(32), nullable=False),
        Column("body", LargeBinary, nullable=False),  # the whole signed receipt: the proof stays with the data
        Column("admit_time_us", BigInteger, nullable=False),
        Index("ix_receipts_project_asset_id", "project", "asset_id"),
    )
    exceptions = Table(
        "exceptions",
        metadata,
        Column("project", String(63), primary_key=True),
        Column("exception_id", String(26), primary_key=True),
        Column("creator", String(255), nullable=False),
        Column("reason", Text, nullable=False),
        Column("create_time_us", BigInteger, nullable=False),
    )
    return assets, receipts, exceptions


def _object_tables(metadata: MetaData) -> tuple[Table, ...]:
    """Uploads under way, and objects that are to go."""
    uploads = Table(
        "uploads",
        metadata,
        Column("project", String(63), primary_key=True),
        Column("upload_id", String(36), primary_key=True),
        Column("handle", Text, nullable=False),  # the object store's own name for it
        Column("direct", Boolean, nullable=False),  # put by URL
        Column("header", JSON, nullable=False),  # media_type, external_id, labels, subject_hash, size_bytes
        Column("asset_id", String(32), nullable=False),  # empty until it is finished
        Column("create_time_us", BigInteger, nullable=False),
        Column("expire_time_us", BigInteger, nullable=False),
        Index("ix_uploads_expire_time", "expire_time_us"),
    )
    deletions = Table(
        "deletions",
        metadata,
        Column("project", String(63), primary_key=True),
        Column("zone", SmallInteger, primary_key=True),
        Column("path", String(255), primary_key=True),  # ObjectKey.path
        Column("request_time_us", BigInteger, nullable=False),
        Column("done_time_us", BigInteger),  # kept for a while: see sql_deletions
        Column("last_removal_us", BigInteger, nullable=False, server_default="-1"),
        Index("ix_deletions_done", "done_time_us"),
    )
    return uploads, deletions


def _audit_tables(metadata: MetaData) -> tuple[Table, ...]:
    entries = Table(
        "audit_entries",
        metadata,
        Column("project", String(63), primary_key=True),
        Column("sequence", BigInteger, primary_key=True, autoincrement=False),
        Column("time_us", BigInteger, nullable=False),
        Column("actor", String(255), nullable=False),
        Column("action", String(64), nullable=False),
        Column("resource", String(512), nullable=False),
        Column("details", Text, nullable=False),  # canonical JSON, as it was hashed
        Column("previous_hash", String(64), nullable=False),
        Column("hash", String(64), nullable=False),
        Index("ix_audit_entries_resource", "project", "resource"),
    )
    heads = Table(
        "audit_heads",
        metadata,
        Column("project", String(63), primary_key=True),
        Column("sequence", BigInteger, nullable=False),
        Column("hash", String(64), nullable=False),
        Column("anchored_sequence", BigInteger, nullable=False),  # the newest head outside of this database
    )
    return entries, heads


def _import_tables(metadata: MetaData) -> tuple[Table, ...]:
    sources = Table(
        "sources",
        metadata,
        Column("project", String(63), primary_key=True),
        Column("source_id", String(63), primary_key=True),
        Column("place", JSON, nullable=False),
        Column("labels", JSON, nullable=False),
        Column("cursor", Text, nullable=False),
        Column("operation", String(255), nullable=False),  # the import that runs or ran last
        Column("run", JSON, nullable=False),  # what that has done so far
        Column("create_time_us", BigInteger, nullable=False),
        Column("import_time_us", BigInteger),
    )
    items = Table(
        "import_items",
        metadata,
        Column("project", String(63), primary_key=True),
        Column("source_id", String(63), primary_key=True),
        Column("key_hash", String(64), primary_key=True),  # keys are longer than an index takes
        Column("key", Text, nullable=False),
        Column("fingerprint", String(128), nullable=False),  # changes when the item does: ETag, or size and mtime
        Column("asset_id", String(32), nullable=False),
        Column("state", SmallInteger, nullable=False),
        Column("status", LargeBinary),  # google.rpc.Status of a dead letter
        Column("reason", String(64), nullable=False),
        Column("attempt_count", Integer, nullable=False),
        Column("update_time_us", BigInteger, nullable=False),
        Index("ix_import_items_asset", "project", "asset_id"),
        Index("ix_import_items_state", "project", "source_id", "state"),
    )
    return sources, items


def _dataset_tables(metadata: MetaData) -> tuple[Table, ...]:
    datasets = Table(
        "datasets",
        metadata,
        Column("project", String(63), primary_key=True),
        Column("dataset_id", String(63), primary_key=True),
        Column("display_name", Text, nullable=False),
        Column("description", Text, nullable=False),
        Column("etag", String(32), nullable=False),
        Column("create_time_us", BigInteger, nullable=False),
        Column("update_time_us", BigInteger, nullable=False),
    )
    dataset_assets = Table(
        "dataset_assets",
        metadata,
        Column("project", String(63), primary_key=True),
        Column("dataset_id", String(63), primary_key=True),
        Column("asset_id", String(32), primary_key=True),
        Index("ix_dataset_assets_asset", "project", "asset_id"),
    )
    snapshots = Table(
        "snapshots",
        metadata,
        Column("project", String(63), primary_key=True),
        Column("dataset_id", String(63), primary_key=True),
        Column("snapshot_id", String(26), primary_key=True),
        Column("content_sha256", String(64), nullable=False),
        Column("manifest_sha256", String(64), nullable=False),
        Column("manifest_size_bytes", BigInteger, nullable=False),
        Column("manifest_location", String(255), nullable=False),
        Column("manifest_block_digests", LargeBinary),
        Column("asset_count", BigInteger, nullable=False),
        Column("content_size_bytes", BigInteger, nullable=False),
        Column("split_counts", JSON, nullable=False),
        Column("split", JSON),
        Column("lineage", JSON, nullable=False),
        Column("create_time_us", BigInteger, nullable=False),
        Column("erased_count", BigInteger, nullable=False),
    )
    snapshot_assets = Table(  # frozen when a snapshot begins; what its manifest is made from, and who holds an asset
        "snapshot_assets",
        metadata,
        Column("project", String(63), primary_key=True),
        Column("snapshot_id", String(26), primary_key=True),
        Column("asset_id", String(32), primary_key=True),
        sqlite_with_rowid=False,  # millions of rows at once: the key is all there is
    )
    return datasets, dataset_assets, snapshots, snapshot_assets


def _lifecycle_tables(metadata: MetaData) -> tuple[Table, ...]:
    retention = Table(
        "retention",
        metadata,
        Column("project", String(63), primary_key=True),
        Column("raw_days", Integer, nullable=False),
        Column("raw_days_after_admission", Integer, nullable=False),
        Column("clean_days", Integer, nullable=False),
        Column("etag", String(32), nullable=False),
        Column("update_time_us", BigInteger, nullable=False),
    )
    legal_holds = Table(
        "legal_holds",
        metadata,
        Column("project", String(63), primary_key=True),
        Column("hold_id", String(63), primary_key=True),
        Column("reason", Text, nullable=False),
        Column("creator", String(255), nullable=False),
        Column("asset_count", BigInteger, nullable=False),
        Column("create_time_us", BigInteger, nullable=False),
        Column("release_time_us", BigInteger),
    )
    legal_hold_assets = Table(  # of holds that hold: releasing one removes its rows
        "legal_hold_assets",
        metadata,
        Column("project", String(63), primary_key=True),
        Column("hold_id", String(63), primary_key=True),
        Column("asset_id", String(32), primary_key=True),
        Index("ix_legal_hold_assets_asset", "project", "asset_id"),
    )
    erasures = Table(
        "erasures",
        metadata,
        Column("project", String(63), primary_key=True),
        Column("erasure_id", String(26), primary_key=True),
        Column("body", LargeBinary, nullable=False),  # the signed Erasure message; empty until it is complete
        Column("state", JSON, nullable=False),  # how far it is, see erasure.Case
        Column("create_time_us", BigInteger, nullable=False),
        Column("complete_time_us", BigInteger),
    )
    erased_assets = Table(
        "erased_assets",
        metadata,
        Column("project", String(63), primary_key=True),
        Column("asset_id", String(32), primary_key=True),
        Column("erasure_id", String(26), nullable=False),
        Column("subject_hash", String(64), nullable=False),
        Column("erase_time_us", BigInteger, nullable=False),
        Column("allow_time_us", BigInteger),  # since when it may come in again
        Index("ix_erased_assets_erasure", "project", "erasure_id", "asset_id"),
        Index("ix_erased_assets_subject", "project", "subject_hash"),
    )
    erased_subjects = Table(
        "erased_subjects",
        metadata,
        Column("project", String(63), primary_key=True),
        Column("subject_hash", String(64), primary_key=True),
        Column("erasure_id", String(26), nullable=False),
        Column("allow_time_us", BigInteger),
    )
    return retention, legal_holds, legal_hold_assets, erasures, erased_assets, erased_subjects


def _usage_tables(metadata: MetaData) -> tuple[Table, ...]:
    quotas = Table(
        "quotas",
        metadata,
        Column("project", String(63), primary_key=True),
        Column("max_stored_bytes", BigInteger, nullable=False),
        Column("max_objects", BigInteger, nullable=False),
        Column("max_daily_egress_bytes", BigInteger, nullable=False),
    )
    usage = Table(
        "usage",
        metadata,
        Column("project", String(63), primary_key=True),
        Column("zone", SmallInteger, primary_key=True),
        Column("stored_bytes", BigInteger, nullable=False),
        Column("object_count", BigInteger, nullable=False),
    )
    egress = Table(
        "egress",
        metadata,
        Column("project", String(63), primary_key=True),
        Column("day", String(10), primary_key=True),  # YYYY-MM-DD (UTC)
        Column("read_bytes", BigInteger, nullable=False),
    )
    return quotas, usage, egress


def _locations(zone: str) -> Index:
    """Finds who keeps an object that is not under its SHA-256; most are."""
    where = text(f"{zone}_location <> ''")
    return Index(
        f"ix_assets_project_{zone}_location", "project", f"{zone}_location", sqlite_where=where, postgresql_where=where
    )


def _content(zone: str, *, required: bool) -> list[Column[Any]]:
    return [
        Column(f"{zone}_sha256", String(64), nullable=not required),
        Column(f"{zone}_size_bytes", BigInteger, nullable=not required),
        Column(f"{zone}_media_type", String(100), nullable=not required),
        Column(f"{zone}_text_length", BigInteger),
        Column(f"{zone}_width_px", Integer),
        Column(f"{zone}_height_px", Integer),
        Column(f"{zone}_block_digests", LargeBinary),
        Column(f"{zone}_metadata", JSON),
        Column(f"{zone}_location", String(255), nullable=False, server_default=""),
        Column(f"{zone}_remove_time_us", BigInteger),
    ]
