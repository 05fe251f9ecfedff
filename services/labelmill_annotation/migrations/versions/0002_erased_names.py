"""Erased names."""

from alembic import op

from labelmill_runtime.migrations import create_erased_names_table

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Creates the table."""
    create_erased_names_table(op.get_bind())
