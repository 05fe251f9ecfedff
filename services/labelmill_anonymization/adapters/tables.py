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
    Text,
    text,
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
data_keys = Table(
    "data_keys",
    metadata,
    Column("project", String(63), primary_key=True),
    Column("key_id", String(16), primary_key=True),
    Column("purpose", Integer, nullable=False),  # keyring.data_keys.Purpose
    Column("state", Integer, nullable=False),  # keyring.data_keys.State
    Column("subject", String(64), nullable=False),  # HMAC of the subject's id; "": the project's own key
    Column("wrapped", LargeBinary),  # by a root key, which is elsewhere; NULL: derived from the seed, or destroyed
    Column("root_key_id", String(64)),
    Column("create_time_ms", BigInteger, nullable=False),
    Column("destroy_time_ms", BigInteger, nullable=False),
    Column("destroy_reason", Text, nullable=False),
    Index(
        "ux_data_keys_primary",
        "project",
        "purpose",
        "subject",
        unique=True,
        sqlite_where=text("state = 1"),
        postgresql_where=text("state = 1"),
    ),
    Index("ix_data_keys_created", "project", "create_time_ms", "key_id"),
)
asset_keys = Table(
    "asset_keys",
    metadata,
    Column("project", String(63), primary_key=True),
    Column("asset", String(128), primary_key=True),
    Column("key_id", String(16), primary_key=True),  # of a data subject, with which tokens of the asset were made
    Index("ix_asset_keys_key", "project", "key_id"),
)
reidentifications = Table(
    "reidentifications",
    metadata,
    Column("project", String(63), primary_key=True),
    Column("reidentification", String(32), primary_key=True),
    Column("principal", String(255), nullable=False),
    Column("reason", Text, nullable=False),
    Column("value_count", Integer, nullable=False),
    Column("revealed_count", Integer, nullable=False),
    Column("key_ids", Text, nullable=False),  # joined by spaces
    Column("create_time_ms", BigInteger, nullable=False),
    Index("ix_reidentifications_created", "project", "create_time_ms", "reidentification"),
)
