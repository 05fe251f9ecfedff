"""Data keys (wrapped), and the audit of what was read again.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Creates the tables."""
    op.create_table(
        "data_keys",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("key_id", sa.String(16), primary_key=True),
        sa.Column("purpose", sa.Integer, nullable=False),
        sa.Column("state", sa.Integer, nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("wrapped", sa.LargeBinary),
        sa.Column("root_key_id", sa.String(64)),
        sa.Column("create_time_ms", sa.BigInteger, nullable=False),
        sa.Column("destroy_time_ms", sa.BigInteger, nullable=False),
        sa.Column("destroy_reason", sa.Text, nullable=False),
    )
    primary = sa.text("state = 1")
    op.create_index(
        "ux_data_keys_primary",
        "data_keys",
        ["project", "purpose", "subject"],
        unique=True,
        sqlite_where=primary,
        postgresql_where=primary,
    )
    op.create_index("ix_data_keys_created", "data_keys", ["project", "create_time_ms", "key_id"])
    op.create_table(
        "reidentifications",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("reidentification", sa.String(32), primary_key=True),
        sa.Column("principal", sa.String(255), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("value_count", sa.Integer, nullable=False),
        sa.Column("revealed_count", sa.Integer, nullable=False),
        sa.Column("key_ids", sa.Text, nullable=False),
        sa.Column("create_time_ms", sa.BigInteger, nullable=False),
    )
    op.create_index(
        "ix_reidentifications_created", "reidentifications", ["project", "create_time_ms", "reidentification"]
    )
