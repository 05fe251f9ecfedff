"""The tables of anonymization's own database; migrations/ makes them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)

from labelmill_runtime.tables import erased_names_table

metadata = MetaData()
erased_names_table(metadata)
policies = Table(
    "policies",
    metadata,
    Column("project", String(63), primary_key=True),
    Column("policy", String(63), primary_key=True),
    Column("current_version", Integer, nullable=False),
)
policy_versions = Table(
    "policy_versions",
    metadata,
    Column("project", String(63), primary_key=True),
    Column("policy", String(63), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("content", LargeBinary, nullable=False),  # labelmill.anonymization.v1.Policy
    Column("create_time_ms", BigInteger, nullable=False),
    ForeignKeyConstraint(["project", "policy"], ["policies.project", "policies.policy"]),
)
receipts = Table(
    "receipts",
    metadata,
    Column("project", String(63), primary_key=True),
    Column("receipt", String(32), primary_key=True),
    Column("asset", String(128), nullable=False),
    Column("policy", String(63), nullable=False),
    Column("policy_version", Integer, nullable=False),
    Column("operation", String(255), nullable=False),  # which made it
    Column("content", LargeBinary, nullable=False),  # labelmill.anonymization.v1.Receipt
    Column("create_time_ms", BigInteger, nullable=False),
    Index("ix_receipts_created", "project", "create_time_ms", "receipt"),
    Index("ix_receipts_asset", "project", "asset"),
)
offset_maps = Table(
    "offset_maps",
    metadata,
    Column("project", String(63), primary_key=True),
    Column("receipt", String(32), primary_key=True),
    Column("content", LargeBinary, nullable=False),  # OffsetMap.encode
    ForeignKeyConstraint(["project", "receipt"], ["receipts.project", "receipts.receipt"], ondelete="CASCADE"),
)
