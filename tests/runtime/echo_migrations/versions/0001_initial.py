"""The first version."""

import sqlalchemy as sa
from alembic import op

from labelmill_runtime.migrations import create_runtime_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "effects",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("text", sa.String(100), nullable=False),
    )
    create_runtime_tables(op.get_bind())
