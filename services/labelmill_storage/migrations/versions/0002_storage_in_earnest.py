"""Uploads that resume, imports, audit log, datasets, life cycle, usage."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Extends the assets and creates the tables around them."""
    _assets()
    _objects()
    _audit()
    _imports()
    _datasets()
    _lifecycle()
    _usage()


def _assets() -> None:
    with op.batch_alter_table("assets") as assets:
        for zone in ("raw", "clean"):
            assets.add_column(sa.Column(f"{zone}_metadata", sa.JSON))
            assets.add_column(sa.Column(f"{zone}_location", sa.String(255), nullable=False, server_default=""))
            assets.add_column(sa.Column(f"{zone}_remove_time_us", sa.BigInteger))
        assets.add_column(sa.Column("exception", sa.String(255), nullable=False, server_default=""))
        assets.add_column(sa.Column("admit_time_us", sa.BigInteger))
        assets.add_column(sa.Column("subject_hash", sa.String(64), nullable=False, server_default=""))
    op.create_index("ix_assets_project_subject", "assets", ["project", "subject_hash"])
    op.create_index("ix_assets_project_clean", "assets", ["project", "clean_sha256"])
    for zone in ("raw", "clean"):
        name, where = f"ix_assets_project_{zone}_location", sa.text(f"{zone}_location <> ''")
        op.create_index(name, "assets", ["project", f"{zone}_location"], sqlite_where=where, postgresql_where=where)
    # What was admitted before is dated by its last change.
    op.execute("UPDATE assets SET admit_time_us = update_time_us WHERE zone = 2")


def _objects() -> None:
    op.create_table(
        "exceptions",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("exception_id", sa.String(26), primary_key=True),
        sa.Column("creator", sa.String(255), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("create_time_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "uploads",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("upload_id", sa.String(36), primary_key=True),
        sa.Column("handle", sa.Text, nullable=False),
        sa.Column("direct", sa.Boolean, nullable=False),
        sa.Column("header", sa.JSON, nullable=False),
        sa.Column("asset_id", sa.String(32), nullable=False),
        sa.Column("create_time_us", sa.BigInteger, nullable=False),
        sa.Column("expire_time_us", sa.BigInteger, nullable=False),
        sa.Index("ix_uploads_expire_time", "expire_time_us"),
    )
    op.create_table(
        "deletions",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("zone", sa.SmallInteger, primary_key=True),
        sa.Column("path", sa.String(255), primary_key=True),
        sa.Column("request_time_us", sa.BigInteger, nullable=False),
        sa.Column("done_time_us", sa.BigInteger),
        sa.Index("ix_deletions_done", "done_time_us"),
    )


def _audit() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("time_us", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("resource", sa.String(512), nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Index("ix_audit_entries_resource", "project", "resource"),
    )
    op.create_table(
        "audit_heads",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("anchored_sequence", sa.BigInteger, nullable=False),
    )


def _imports() -> None:
    op.create_table(
        "sources",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("source_id", sa.String(63), primary_key=True),
        sa.Column("place", sa.JSON, nullable=False),
        sa.Column("labels", sa.JSON, nullable=False),
        sa.Column("cursor", sa.Text, nullable=False),
        sa.Column("operation", sa.String(255), nullable=False),
        sa.Column("run", sa.JSON, nullable=False),
        sa.Column("create_time_us", sa.BigInteger, nullable=False),
        sa.Column("import_time_us", sa.BigInteger),
    )
    op.create_table(
        "import_items",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("source_id", sa.String(63), primary_key=True),
        sa.Column("key_hash", sa.String(64), primary_key=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.String(128), nullable=False),
        sa.Column("asset_id", sa.String(32), nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("status", sa.LargeBinary),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("attempt_count", sa.Integer, nullable=False),
        sa.Column("update_time_us", sa.BigInteger, nullable=False),
        sa.Index("ix_import_items_asset", "project", "asset_id"),
        sa.Index("ix_import_items_state", "project", "source_id", "state"),
    )


def _datasets() -> None:
    op.create_table(
        "datasets",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("dataset_id", sa.String(63), primary_key=True),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("etag", sa.String(32), nullable=False),
        sa.Column("create_time_us", sa.BigInteger, nullable=False),
        sa.Column("update_time_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "dataset_assets",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("dataset_id", sa.String(63), primary_key=True),
        sa.Column("asset_id", sa.String(32), primary_key=True),
        sa.Index("ix_dataset_assets_asset", "project", "asset_id"),
    )
    op.create_table(
        "snapshots",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("dataset_id", sa.String(63), primary_key=True),
        sa.Column("snapshot_id", sa.String(26), primary_key=True),
        sa.Column("content_sha256", sa.String(64), nullable=False),
        sa.Column("manifest_sha256", sa.String(64), nullable=False),
        sa.Column("manifest_size_bytes", sa.BigInteger, nullable=False),
        sa.Column("manifest_location", sa.String(255), nullable=False),
        sa.Column("manifest_block_digests", sa.LargeBinary),
        sa.Column("asset_count", sa.BigInteger, nullable=False),
        sa.Column("content_size_bytes", sa.BigInteger, nullable=False),
        sa.Column("split_counts", sa.JSON, nullable=False),
        sa.Column("split", sa.JSON),
        sa.Column("lineage", sa.JSON, nullable=False),
        sa.Column("create_time_us", sa.BigInteger, nullable=False),
        sa.Column("erased_count", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "snapshot_assets",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("snapshot_id", sa.String(26), primary_key=True),
        sa.Column("asset_id", sa.String(32), primary_key=True),
        sqlite_with_rowid=False,
    )


def _lifecycle() -> None:
    op.create_table(
        "retention",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("raw_days", sa.Integer, nullable=False),
        sa.Column("raw_days_after_admission", sa.Integer, nullable=False),
        sa.Column("clean_days", sa.Integer, nullable=False),
        sa.Column("etag", sa.String(32), nullable=False),
        sa.Column("update_time_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "legal_holds",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("hold_id", sa.String(63), primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("creator", sa.String(255), nullable=False),
        sa.Column("asset_count", sa.BigInteger, nullable=False),
        sa.Column("create_time_us", sa.BigInteger, nullable=False),
        sa.Column("release_time_us", sa.BigInteger),
    )
    op.create_table(
        "legal_hold_assets",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("hold_id", sa.String(63), primary_key=True),
        sa.Column("asset_id", sa.String(32), primary_key=True),
        sa.Index("ix_legal_hold_assets_asset", "project", "asset_id"),
    )
    op.create_table(
        "erasures",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("erasure_id", sa.String(26), primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.JSON, nullable=False),
        sa.Column("create_time_us", sa.BigInteger, nullable=False),
        sa.Column("complete_time_us", sa.BigInteger),
    )
    op.create_table(
        "erased_assets",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("asset_id", sa.String(32), primary_key=True),
        sa.Column("erasure_id", sa.String(26), nullable=False),
        sa.Column("subject_hash", sa.String(64), nullable=False),
        sa.Column("erase_time_us", sa.BigInteger, nullable=False),
        sa.Column("allow_time_us", sa.BigInteger),
        sa.Index("ix_erased_assets_erasure", "project", "erasure_id", "asset_id"),
        sa.Index("ix_erased_assets_subject", "project", "subject_hash"),
    )
    op.create_table(
        "erased_subjects",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("subject_hash", sa.String(64), primary_key=True),
        sa.Column("erasure_id", sa.String(26), nullable=False),
        sa.Column("allow_time_us", sa.BigInteger),
    )


def _usage() -> None:
    op.create_table(
        "quotas",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("max_stored_bytes", sa.BigInteger, nullable=False),
        sa.Column("max_objects", sa.BigInteger, nullable=False),
        sa.Column("max_daily_egress_bytes", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "usage",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("zone", sa.SmallInteger, primary_key=True),
        sa.Column("stored_bytes", sa.BigInteger, nullable=False),
        sa.Column("object_count", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "egress",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("read_bytes", sa.BigInteger, nullable=False),
    )
    # What was stored before counts as well.
    for number, zone in ((1, "raw"), (2, "clean")):
        op.execute(
            f"INSERT INTO usage (project, zone, stored_bytes, object_count) SELECT project, {number}, "  # noqa: S608
            f"SUM({zone}_size_bytes), COUNT(*) FROM assets WHERE {zone}_sha256 IS NOT NULL GROUP BY project"
        )
