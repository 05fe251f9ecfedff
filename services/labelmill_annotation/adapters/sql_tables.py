"""The tables. Times are integer milliseconds since 1970 (UTC); enums are the contract's numbers."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from labelmill_runtime.tables import erased_names_table

metadata = MetaData()
erased_names_table(metadata)

_PROJECT = String(63)
_ID = String(128)
_LABELER = String(255)
_SEQUENCE = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts only INTEGER primary keys by itself
_AVAILABLE = text("state = 1")
_LEASED = text("state = 2")
_CURRENT = text("is_current")

projects = Table(
    "projects",
    metadata,
    Column("id", _PROJECT, primary_key=True),
    Column("display_name", String(200), nullable=False),
    Column("ontology_version", Integer, nullable=False),
    Column("labels_per_asset", Integer, nullable=False),
    Column("overlap_share", Float, nullable=False),
    Column("benchmark_share", Float, nullable=False),
    Column("lease_duration_ms", BigInteger, nullable=False),
    Column("show_predictions", Boolean, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("create_ms", BigInteger, nullable=False),
    Column("update_ms", BigInteger, nullable=False),
)

ontologies = Table(
    "ontologies",
    metadata,
    Column("project", _PROJECT, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("payload", LargeBinary, nullable=False),
    Column("create_ms", BigInteger, nullable=False),
)

assets = Table(
    "assets",
    metadata,
    Column("project", _PROJECT, primary_key=True),
    Column("asset", _ID, primary_key=True),
    Column("media_type", String(255), nullable=False),
    Column("text_length", BigInteger),
    Column("image_width_px", Integer),
    Column("image_height_px", Integer),
)

tasks = Table(
    "tasks",
    metadata,
    Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("project", _PROJECT, nullable=False),
    Column("asset", _ID, nullable=False),
    Column("copy", Integer),
    Column("kind", SmallInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("batch", String(63), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("labeler", _LABELER, nullable=False),
    Column("reserved_for", _LABELER),  # benchmarks: the labeler that the task was made for
    Column("fence", BigInteger, nullable=False),
    Column("lease_ms", BigInteger, nullable=False),
    Column("expire_ms", BigInteger, nullable=False),
    Column("ontology_version", Integer, nullable=False),
    Column("create_ms", BigInteger, nullable=False),
    Column("shown_create_ms", BigInteger, nullable=False),
    Column("submit_ms", BigInteger, nullable=False),
    Column("time_spent_ms", BigInteger),
    UniqueConstraint("project", "batch", "asset", "copy", name="uq_tasks_copy"),
)
Index("ix_tasks_listed", tasks.c.project, tasks.c.seq)
Index("ix_tasks_asset", tasks.c.project, tasks.c.asset)
Index(
    "ix_tasks_queue",
    tasks.c.project,
    tasks.c.priority.desc(),
    tasks.c.seq,
    sqlite_where=_AVAILABLE,
    postgresql_where=_AVAILABLE,
)
Index(
    "ix_tasks_batch_queue",
    tasks.c.project,
    tasks.c.batch,
    tasks.c.priority.desc(),
    tasks.c.seq,
    sqlite_where=_AVAILABLE,
    postgresql_where=_AVAILABLE,
)
Index("ix_tasks_leased", tasks.c.project, tasks.c.expire_ms, sqlite_where=_LEASED, postgresql_where=_LEASED)

labelers = Table(
    "labelers",
    metadata,
    Column("project", _PROJECT, primary_key=True),
    Column("labeler", _LABELER, primary_key=True),
    Column("task_count", BigInteger, nullable=False),
    Column("benchmark_count", BigInteger, nullable=False),
)

# One row for each asset that a labeler holds, submitted or skipped: the key makes a second task of it impossible.
met_assets = Table(
    "met_assets",
    metadata,
    Column("project", _PROJECT, primary_key=True),
    Column("labeler", _LABELER, primary_key=True),
    Column("asset", _ID, primary_key=True),
)

task_skips = Table(
    "task_skips",
    metadata,
    Column("task", String(32), primary_key=True),
    Column("labeler", _LABELER, primary_key=True),
    Column("project", _PROJECT, nullable=False),
    Column("reason", Text, nullable=False),
    Column("create_ms", BigInteger, nullable=False),
)

annotation_versions = Table(
    "annotation_versions",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("is_current", Boolean, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Column("project", _PROJECT, nullable=False),
    Column("task", String(32), nullable=False),
    Column("asset", _ID, nullable=False),
    Column("feature", String(63), nullable=False),
    Column("class_name", String(63), nullable=False),
    Column("labeler", _LABELER, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("batch", String(63), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("ontology_version", Integer, nullable=False),
    Column("create_ms", BigInteger, nullable=False),
    Column("time_spent_ms", BigInteger),
)
Index(
    "ix_annotation_versions_listed",
    annotation_versions.c.project,
    annotation_versions.c.id,
    sqlite_where=_CURRENT,
    postgresql_where=_CURRENT,
)
Index(
    "ix_annotation_versions_changed",
    annotation_versions.c.project,
    annotation_versions.c.create_ms,
    annotation_versions.c.id,
    sqlite_where=_CURRENT,
    postgresql_where=_CURRENT,
)
Index("ix_annotation_versions_task", annotation_versions.c.task)
Index("ix_annotation_versions_asset", annotation_versions.c.project, annotation_versions.c.asset)

benchmarks = Table(
    "benchmarks",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("project", _PROJECT, nullable=False),
    Column("asset", _ID, nullable=False),
    Column("purpose", SmallInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("ontology_version", Integer, nullable=False),
    Column("rank", BigInteger, nullable=False),
    Column("create_ms", BigInteger, nullable=False),
    UniqueConstraint("project", "asset", name="uq_benchmarks_asset"),
)
Index("ix_benchmarks_rank", benchmarks.c.project, benchmarks.c.purpose, benchmarks.c.rank)
