"""When an object was last removed is kept beside whether it is to go again.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Adds the column."""
    op.add_column("deletions", sa.Column("last_removal_us", sa.BigInteger, nullable=False, server_default="-1"))
    op.execute("UPDATE deletions SET last_removal_us = done_time_us WHERE done_time_us > 0")
