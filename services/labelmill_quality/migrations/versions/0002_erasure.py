"""Consensus labels are found by item, and erased names.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

from labelmill_runtime.migrations import create_erased_names_table

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Creates index and table."""
    op.create_index("ix_consensus_labels_item", "consensus_labels", ["project", "item"])
    create_erased_names_table(op.get_bind())
