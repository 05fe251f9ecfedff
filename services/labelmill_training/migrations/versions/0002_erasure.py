"""Which assets a job used, and erased names.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

from labelmill_runtime.migrations import create_erased_names_table

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates the tables; what jobs before used stays unknown."""
    op.create_table(
        "training_items",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("asset", sa.String(128), primary_key=True),
        sa.Column("job", sa.String(26), primary_key=True),
        sa.Column("trained", sa.Boolean, nullable=False),
    )
    op.create_index("ix_training_items_job", "training_items", ["job"])
    create_erased_names_table(op.get_bind())


def downgrade() -> None:
    """What jobs used cannot be known again."""
    raise NotImplementedError
