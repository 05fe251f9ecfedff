"""Reports, their consensus labels, and the runtime's tables."""

import sqlalchemy as sa
from alembic import op

from labelmill_runtime.migrations import create_runtime_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates them."""
    op.create_table(
        "quality_reports",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("report", sa.String(63), primary_key=True),
        sa.Column("create_time_ms", sa.BigInteger, nullable=False),
        sa.Column("class_names", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "consensus_labels",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("report", sa.String(63), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("item", sa.String(256), nullable=False),
        sa.Column("winner", sa.Integer, nullable=False),
        sa.Column("posterior", sa.LargeBinary, nullable=False),
        sa.Column("label_count", sa.Integer, nullable=False),
        sa.Column("agreement", sa.Double, nullable=False),
        sa.Column("tied", sa.Boolean, nullable=False),
        sa.ForeignKeyConstraint(
            ["project", "report"], ["quality_reports.project", "quality_reports.report"], ondelete="CASCADE"
        ),
    )
    create_runtime_tables(op.get_bind())
