"""Prelabel's tables. Times are milliseconds since 1970."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

from labelmill_runtime.tables import erased_names_table

METADATA = MetaData()
erased_names_table(METADATA)

MODEL_VERSIONS = Table(
    "model_versions",
    METADATA,
    Column("name", String(160), primary_key=True),  # projects/{project}/models/{model} or encoders/{encoder}
    Column("version", Integer, primary_key=True),
    Column("project", String(63), nullable=False),  # empty for encoders
    Column("state", String(16), nullable=False),
    Column("state_message", Text, nullable=False),
    Column("class_names", JSON, nullable=False),
    Column("feature", String(63), nullable=False),
    Column("encoder", String(100), nullable=False),
    Column("encoder_version", Integer, nullable=False),
    Column("embedding_length", Integer, nullable=False),
    Column("temperature", Float, nullable=False),
    Column("max_tokens", Integer, nullable=False),
    Column("artifact_sha256", String(64), nullable=False),
    Column("lineage", String(256), nullable=False),
    Column("deploy_time_ms", BigInteger, nullable=False),
    Index("ix_model_versions_project", "project", "name"),
)
# Whatever happens, a model has one version that answers.
Index(
    "uq_model_versions_ready",
    MODEL_VERSIONS.c.name,
    unique=True,
    sqlite_where=text("state = 'ready'"),
    postgresql_where=text("state = 'ready'"),
)

EMBEDDINGS = Table(
    "embeddings",
    METADATA,
    Column("encoder", String(100), primary_key=True),
    Column("encoder_version", Integer, primary_key=True),
    Column("content_sha256", String(64), primary_key=True),
    Column("vector", LargeBinary, nullable=False),  # float32, little-endian
    Index("ix_embeddings_content", "content_sha256"),
)

# For which assets embeddings were computed, so that an erasure finds them. An asset that found one there is not listed:
# it goes with the asset that it was computed for, and is computed again when another one needs it.
EMBEDDED_ASSETS = Table(
    "embedded_assets",
    METADATA,
    Column("project", String(63), primary_key=True),
    Column("asset", String(64), primary_key=True),  # the asset id
    Column("content_sha256", String(64), primary_key=True),
)

PREDICTIONS = Table(
    "predictions",
    METADATA,
    Column("project", String(63), primary_key=True),
    Column("asset", String(64), primary_key=True),  # the asset id
    Column("model", String(160), primary_key=True),
    Column("model_version", Integer, primary_key=True),
    Column("feature", String(63), nullable=False),
    Column("class_name", String(63), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("probabilities", LargeBinary, nullable=False),  # float64, little-endian, in the order of the model's classes
    Column("operation", String(255), nullable=False),
    Column("create_time_ms", BigInteger, nullable=False),
    Index("ix_predictions_model", "model", "model_version"),
)
