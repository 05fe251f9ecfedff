"""The tables of storage. Times are integer microseconds since 1970 (UTC), which both databases compare alike."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import (
    JSON,
    BigInteger,
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
)


@dataclass(frozen=True)
class StorageTables:
    """The two tables."""

    metadata: MetaData
    assets: Table
    receipts: Table


def storage_tables() -> StorageTables:
    """The tables, in a metadata of their own."""
    metadata = MetaData()
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
        Column("external_id", Text, nullable=False),
        Column("labels", JSON, nullable=False),
        Column("create_time_us", BigInteger, nullable=False),
        Column("update_time_us", BigInteger, nullable=False),
        UniqueConstraint("project", "asset_id", name="uq_assets_project_asset_id"),
        Index("ix_assets_project_seq", "project", "seq"),
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
    return StorageTables(metadata, assets, receipts)


def _content(zone: str, *, required: bool) -> list[Column[object]]:
    return [
        Column(f"{zone}_sha256", String(64), nullable=not required),
        Column(f"{zone}_size_bytes", BigInteger, nullable=not required),
        Column(f"{zone}_media_type", String(100), nullable=not required),
        Column(f"{zone}_text_length", BigInteger),
        Column(f"{zone}_width_px", Integer),
        Column(f"{zone}_height_px", Integer),
        Column(f"{zone}_block_digests", LargeBinary),
    ]
