"""Policies, receipts, offset maps.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

from labelmill_runtime.migrations import create_runtime_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the tables."""
    op.create_table(
        "policies",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("policy", sa.String(63), primary_key=True),
        sa.Column("current_version", sa.Integer, nullable=False),
    )
    op.create_table(
        "policy_versions",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("policy", sa.String(63), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("create_time_ms", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["project", "policy"], ["policies.project", "policies.policy"]),
    )
    op.create_table(
        "receipts",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("receipt", sa.String(32), primary_key=True),
        sa.Column("asset", sa.String(128), nullable=False),
        sa.Column("policy", sa.String(63), nullable=False),
        sa.Column("policy_version", sa.Integer, nullable=False),
        sa.Column("operation", sa.String(255), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("create_time_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_receipts_created", "receipts", ["project", "create_time_ms", "receipt"])
    op.create_index("ix_receipts_asset", "receipts", ["project", "asset"])
    op.create_table(
        "offset_maps",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("receipt", sa.String(32), primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["project", "receipt"], ["receipts.project", "receipts.receipt"], ondelete="CASCADE"),
    )
    create_runtime_tables(op.get_bind())
