"""The privacy ledger: budgets and releases.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Creates the tables."""
    op.create_table(
        "privacy_budgets",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("epsilon_total", sa.BigInteger, nullable=False),
        sa.Column("delta_total", sa.BigInteger, nullable=False),
        sa.Column("epsilon_spent", sa.BigInteger, nullable=False),
        sa.Column("delta_spent", sa.BigInteger, nullable=False),
        sa.Column("release_count", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("update_time_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "releases",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("release", sa.String(32), nullable=False),
        sa.Column("request_key", sa.String(64), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("answered", sa.Boolean, nullable=False),
    )
    op.create_index("ux_releases_release", "releases", ["project", "release"], unique=True)
    op.create_index("ux_releases_request", "releases", ["project", "request_key"], unique=True)
