"""Figures that are kept current; how disputed consensus labels are, and those that are no single class.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Creates the tables."""
    _projects()
    _features()
    _labelers()
    _items()
    op.add_column("consensus_labels", sa.Column("disagreement", sa.Double, nullable=False, server_default="0"))
    op.add_column("consensus_labels", sa.Column("annotations", sa.Text, nullable=False, server_default="[]"))


def _projects() -> None:
    op.create_table(
        "live_projects",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("start_ms", sa.BigInteger, nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("change_ms", sa.BigInteger, nullable=False),
        sa.Column("due_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_live_projects_due_ms", "live_projects", ["due_ms"])


def _features() -> None:
    op.create_table(
        "live_features",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("feature", sa.String(63), primary_key=True),
        sa.Column("kind", sa.Integer, nullable=False),
        sa.Column("class_names", sa.Text, nullable=False),
        sa.Column("class_counts", sa.LargeBinary, nullable=False),
        sa.Column("labels_since_refit", sa.BigInteger, nullable=False),
        sa.Column("last_refit", sa.LargeBinary, nullable=False),
    )


def _labelers() -> None:
    op.create_table(
        "live_labelers",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("feature", sa.String(63), primary_key=True),
        sa.Column("labeler", sa.String(255), primary_key=True),
        sa.Column("label_count", sa.BigInteger, nullable=False),
        sa.Column("agreed_count", sa.BigInteger, nullable=False),
        sa.Column("compared_count", sa.BigInteger, nullable=False),
        sa.Column("right_count", sa.BigInteger, nullable=False),
        sa.Column("gold_count", sa.BigInteger, nullable=False),
        sa.Column("counts", sa.LargeBinary, nullable=False),
    )


def _items() -> None:
    op.create_table(
        "live_items",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("feature", sa.String(63), primary_key=True),
        sa.Column("item", sa.String(256), primary_key=True),
        sa.Column("said", sa.Text, nullable=False),
        sa.Column("gold", sa.String(63), nullable=False),
        sa.Column("posterior", sa.LargeBinary, nullable=False),
        sa.Column("agreed", sa.Text, nullable=False),
        sa.Column("label_count", sa.Integer, nullable=False),
        sa.Column("disagreement", sa.Double, nullable=False),
        sa.Column("uncertainty", sa.Double, nullable=False),
        sa.Column("tally", sa.Text, nullable=False),
    )
    for column in ("disagreement", "uncertainty"):
        op.create_index(f"ix_live_items_{column}", "live_items", ["project", "feature", column, "item"])
    op.create_index("ix_live_items_item", "live_items", ["project", "item"])
