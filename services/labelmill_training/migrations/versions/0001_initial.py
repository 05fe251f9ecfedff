"""The tables of the first release.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

from labelmill_runtime.migrations import create_runtime_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates everything."""
    create_runtime_tables(op.get_bind())
    op.create_table(
        "training_jobs",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("project", sa.String(63), nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("operation", sa.String(255), nullable=False, unique=True),
        sa.Column("state", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer),
        sa.Column("error", sa.LargeBinary),
        sa.Column("progress", sa.Text, nullable=False),
        sa.Column("create_ms", sa.BigInteger, nullable=False),
        sa.Column("end_ms", sa.BigInteger),
    )
    op.create_index("ix_training_jobs_project", "training_jobs", ["project", "id"])
    op.create_table(
        "models",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("id", sa.String(63), primary_key=True),
        sa.Column("feature", sa.String(63), nullable=False),
        sa.Column("latest_version", sa.Integer, nullable=False),
        sa.Column("promoted_version", sa.Integer),
        sa.Column("create_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "model_versions",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("model", sa.String(63), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("job", sa.String(26), nullable=False),
        sa.Column("quality_report", sa.String(255), nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("create_ms", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("job", name="uq_model_versions_job"),
    )


def downgrade() -> None:
    """There is nothing before the first release."""
    raise NotImplementedError
