"""Which assets hold tokens of which data subject's key.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Creates the table."""
    op.create_table(
        "asset_keys",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("asset", sa.String(128), primary_key=True),
        sa.Column("key_id", sa.String(16), primary_key=True),
    )
    op.create_index("ix_asset_keys_key", "asset_keys", ["project", "key_id"])
