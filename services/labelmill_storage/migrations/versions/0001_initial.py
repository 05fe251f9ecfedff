"""Assets and the receipts that admitted them."""

import sqlalchemy as sa
from alembic import op

from labelmill_runtime.migrations import create_runtime_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the first tables."""
    op.create_table(
        "assets",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("project", sa.String(63), nullable=False),
        sa.Column("asset_id", sa.String(32), nullable=False),
        sa.Column("zone", sa.SmallInteger, nullable=False),
        *_content("raw", required=True),
        *_content("clean", required=False),
        sa.Column("receipt", sa.String(255), nullable=False),
        sa.Column("receipt_time_us", sa.BigInteger, nullable=False),
        sa.Column("external_id", sa.Text, nullable=False),
        sa.Column("labels", sa.JSON, nullable=False),
        sa.Column("create_time_us", sa.BigInteger, nullable=False),
        sa.Column("update_time_us", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("project", "asset_id", name="uq_assets_project_asset_id"),
        sa.Index("ix_assets_project_seq", "project", "seq"),
    )
    op.create_table(
        "receipts",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("receipt_id", sa.String(128), primary_key=True),
        sa.Column("asset_id", sa.String(32), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("admit_time_us", sa.BigInteger, nullable=False),
        sa.Index("ix_receipts_project_asset_id", "project", "asset_id"),
    )
    create_runtime_tables(op.get_bind())


def _content(zone: str, *, required: bool) -> list[sa.Column[object]]:
    return [
        sa.Column(f"{zone}_sha256", sa.String(64), nullable=not required),
        sa.Column(f"{zone}_size_bytes", sa.BigInteger, nullable=not required),
        sa.Column(f"{zone}_media_type", sa.String(100), nullable=not required),
        sa.Column(f"{zone}_text_length", sa.BigInteger),
        sa.Column(f"{zone}_width_px", sa.Integer),
        sa.Column(f"{zone}_height_px", sa.Integer),
        sa.Column(f"{zone}_block_digests", sa.LargeBinary),
    ]
