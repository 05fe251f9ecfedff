"""Which assets embeddings were computed for, and erased names.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

from labelmill_runtime.migrations import create_erased_names_table

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Creates the tables; embeddings of unknown assets go, as they can be computed again."""
    op.create_table(
        "embedded_assets",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("asset", sa.String(64), primary_key=True),
        sa.Column("content_sha256", sa.String(64), primary_key=True),
    )
    op.execute("DELETE FROM embeddings")
    op.create_index("ix_embeddings_content", "embeddings", ["content_sha256"])
    create_erased_names_table(op.get_bind())
