"""The registry's tables. Times are milliseconds since 1970 (UTC)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from labelmill_runtime.tables import erased_names_table


@dataclass(frozen=True)
class TrainingTables:
    """The tables of the training service."""

    jobs: Table
    models: Table
    versions: Table
    items: Table


def training_tables(metadata: MetaData) -> TrainingTables:
    """Adds the tables to a service's metadata."""
    jobs = Table(
        "training_jobs",
        metadata,
        Column("id", String(26), primary_key=True),
        Column("project", String(63), nullable=False),
        Column("request", Text, nullable=False),  # JSON of JobRequest
        Column("operation", String(255), nullable=False, unique=True),
        Column("state", Integer, nullable=False),  # JobState
        Column("version", Integer),
        Column("error", LargeBinary),  # google.rpc.Status
        Column("progress", Text, nullable=False),  # JSON: stage, done, total
        Column("create_ms", BigInteger, nullable=False),
        Column("end_ms", BigInteger),
        Index("ix_training_jobs_project", "project", "id"),
    )
    models = Table(
        "models",
        metadata,
        Column("project", String(63), primary_key=True),
        Column("id", String(63), primary_key=True),
        Column("feature", String(63), nullable=False),
        Column("latest_version", Integer, nullable=False),
        Column("promoted_version", Integer),
        Column("create_ms", BigInteger, nullable=False),
    )
    versions = Table(
        "model_versions",
        metadata,
        Column("project", String(63), primary_key=True),
        Column("model", String(63), primary_key=True),
        Column("version", Integer, primary_key=True),
        Column("job", String(26), nullable=False),
        Column("quality_report", String(255), nullable=False),
        Column("spec", Text, nullable=False),  # JSON of Spec
        Column("result", Text, nullable=False),  # JSON of Result
        Column("create_ms", BigInteger, nullable=False),
        UniqueConstraint("job", name="uq_model_versions_job"),  # a job registers at most one version
    )
    items = Table(  # which assets a job used
        "training_items",
        metadata,
        Column("project", String(63), primary_key=True),
        Column("asset", String(128), primary_key=True),
        Column("job", String(26), primary_key=True),
        Column("trained", Boolean, nullable=False),  # or evaluated on
        Index("ix_training_items_job", "job"),
    )
    erased_names_table(metadata)
    return TrainingTables(jobs, models, versions, items)
