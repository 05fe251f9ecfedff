"""Model versions, embeddings and predictions."""

import sqlalchemy as sa
from alembic import op

from labelmill_runtime.migrations import create_runtime_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the first tables."""
    op.create_table(
        "model_versions",
        sa.Column("name", sa.String(160), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("project", sa.String(63), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("state_message", sa.Text, nullable=False),
        sa.Column("class_names", sa.JSON, nullable=False),
        sa.Column("feature", sa.String(63), nullable=False),
        sa.Column("encoder", sa.String(100), nullable=False),
        sa.Column("encoder_version", sa.Integer, nullable=False),
        sa.Column("embedding_length", sa.Integer, nullable=False),
        sa.Column("temperature", sa.Float, nullable=False),
        sa.Column("max_tokens", sa.Integer, nullable=False),
        sa.Column("artifact_sha256", sa.String(64), nullable=False),
        sa.Column("lineage", sa.String(256), nullable=False),
        sa.Column("deploy_time_ms", sa.BigInteger, nullable=False),
        sa.Index("ix_model_versions_project", "project", "name"),
    )
    ready = sa.text("state = 'ready'")
    op.create_index(
        "uq_model_versions_ready", "model_versions", ["name"], unique=True, sqlite_where=ready, postgresql_where=ready
    )
    op.create_table(
        "embeddings",
        sa.Column("encoder", sa.String(100), primary_key=True),
        sa.Column("encoder_version", sa.Integer, primary_key=True),
        sa.Column("content_sha256", sa.String(64), primary_key=True),
        sa.Column("vector", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "predictions",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("asset", sa.String(64), primary_key=True),
        sa.Column("model", sa.String(160), primary_key=True),
        sa.Column("model_version", sa.Integer, primary_key=True),
        sa.Column("feature", sa.String(63), nullable=False),
        sa.Column("class_name", sa.String(63), nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("probabilities", sa.LargeBinary, nullable=False),
        sa.Column("operation", sa.String(255), nullable=False),
        sa.Column("create_time_ms", sa.BigInteger, nullable=False),
        sa.Index("ix_predictions_model", "model", "model_version"),
    )
    create_runtime_tables(op.get_bind())
