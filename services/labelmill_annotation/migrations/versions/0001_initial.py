"""The first version."""

import sqlalchemy as sa
from alembic import op

from labelmill_runtime.migrations import create_runtime_tables

revision = "0001"
down_revision = None


def _projects() -> None:
    op.create_table(
        "projects",
        sa.Column("id", sa.String(63), primary_key=True),
        sa.Column("display_name", sa.String(200), nullable=False),
        sa.Column("ontology_version", sa.Integer(), nullable=False),
        sa.Column("labels_per_asset", sa.Integer(), nullable=False),
        sa.Column("overlap_share", sa.Float(), nullable=False),
        sa.Column("benchmark_share", sa.Float(), nullable=False),
        sa.Column("lease_duration_ms", sa.BigInteger(), nullable=False),
        sa.Column("show_predictions", sa.Boolean(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("create_ms", sa.BigInteger(), nullable=False),
        sa.Column("update_ms", sa.BigInteger(), nullable=False),
    )


def _ontologies() -> None:
    op.create_table(
        "ontologies",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("create_ms", sa.BigInteger(), nullable=False),
    )


def _assets() -> None:
    op.create_table(
        "assets",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("asset", sa.String(128), primary_key=True),
        sa.Column("media_type", sa.String(255), nullable=False),
        sa.Column("text_length", sa.BigInteger()),
        sa.Column("image_width_px", sa.Integer()),
        sa.Column("image_height_px", sa.Integer()),
    )


def _tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("project", sa.String(63), nullable=False),
        sa.Column("asset", sa.String(128), nullable=False),
        sa.Column("copy", sa.Integer()),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("batch", sa.String(63), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("labeler", sa.String(255), nullable=False),
        sa.Column("reserved_for", sa.String(255)),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("lease_ms", sa.BigInteger(), nullable=False),
        sa.Column("expire_ms", sa.BigInteger(), nullable=False),
        sa.Column("ontology_version", sa.Integer(), nullable=False),
        sa.Column("create_ms", sa.BigInteger(), nullable=False),
        sa.Column("shown_create_ms", sa.BigInteger(), nullable=False),
        sa.Column("submit_ms", sa.BigInteger(), nullable=False),
        sa.Column("time_spent_ms", sa.BigInteger()),
        sa.UniqueConstraint("project", "batch", "asset", "copy", name="uq_tasks_copy"),
    )
    op.create_index("ix_tasks_asset", "tasks", ["project", "asset"])
    op.create_index(
        "ix_tasks_batch_queue",
        "tasks",
        ["project", "batch", sa.text("priority DESC"), "seq"],
        sqlite_where=sa.text("state = 1"),
        postgresql_where=sa.text("state = 1"),
    )
    op.create_index(
        "ix_tasks_leased",
        "tasks",
        ["project", "expire_ms"],
        sqlite_where=sa.text("state = 2"),
        postgresql_where=sa.text("state = 2"),
    )
    op.create_index("ix_tasks_listed", "tasks", ["project", "seq"])
    op.create_index(
        "ix_tasks_queue",
        "tasks",
        ["project", sa.text("priority DESC"), "seq"],
        sqlite_where=sa.text("state = 1"),
        postgresql_where=sa.text("state = 1"),
    )


def _labelers() -> None:
    op.create_table(
        "labelers",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("labeler", sa.String(255), primary_key=True),
        sa.Column("task_count", sa.BigInteger(), nullable=False),
        sa.Column("benchmark_count", sa.BigInteger(), nullable=False),
    )


def _met_assets() -> None:
    op.create_table(
        "met_assets",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("labeler", sa.String(255), primary_key=True),
        sa.Column("asset", sa.String(128), primary_key=True),
    )


def _task_skips() -> None:
    op.create_table(
        "task_skips",
        sa.Column("task", sa.String(32), primary_key=True),
        sa.Column("labeler", sa.String(255), primary_key=True),
        sa.Column("project", sa.String(63), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("create_ms", sa.BigInteger(), nullable=False),
    )


def _annotation_versions() -> None:
    op.create_table(
        "annotation_versions",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("project", sa.String(63), nullable=False),
        sa.Column("task", sa.String(32), nullable=False),
        sa.Column("asset", sa.String(128), nullable=False),
        sa.Column("feature", sa.String(63), nullable=False),
        sa.Column("class_name", sa.String(63), nullable=False),
        sa.Column("labeler", sa.String(255), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("batch", sa.String(63), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("ontology_version", sa.Integer(), nullable=False),
        sa.Column("create_ms", sa.BigInteger(), nullable=False),
        sa.Column("time_spent_ms", sa.BigInteger()),
    )
    op.create_index("ix_annotation_versions_asset", "annotation_versions", ["project", "asset"])
    op.create_index(
        "ix_annotation_versions_listed",
        "annotation_versions",
        ["project", "id"],
        sqlite_where=sa.text("is_current"),
        postgresql_where=sa.text("is_current"),
    )
    op.create_index("ix_annotation_versions_task", "annotation_versions", ["task"])


def _benchmarks() -> None:
    op.create_table(
        "benchmarks",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("project", sa.String(63), nullable=False),
        sa.Column("asset", sa.String(128), nullable=False),
        sa.Column("purpose", sa.SmallInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("ontology_version", sa.Integer(), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("create_ms", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("project", "asset", name="uq_benchmarks_asset"),
    )
    op.create_index("ix_benchmarks_rank", "benchmarks", ["project", "purpose", "rank"])


def upgrade() -> None:
    """Creates every table."""
    _projects()
    _ontologies()
    _assets()
    _tasks()
    _labelers()
    _met_assets()
    _task_skips()
    _annotation_versions()
    _benchmarks()
    create_runtime_tables(op.get_bind())
