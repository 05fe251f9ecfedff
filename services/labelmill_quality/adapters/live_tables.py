"""The tables of figures that are kept current. Times are integer milliseconds since 1970 (UTC)."""

from __future__ import annotations

import sqlalchemy as sa

from labelmill_quality.adapters.sql import metadata

_PROJECT, _FEATURE, _LABELER = sa.String(63), sa.String(63), sa.String(255)

projects = sa.Table(
    "live_projects",
    metadata,
    sa.Column("project", _PROJECT, primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("start_ms", sa.BigInteger, nullable=False),
    sa.Column("token", sa.Text, nullable=False),
    sa.Column("change_ms", sa.BigInteger, nullable=False),
    sa.Column("due_ms", sa.BigInteger, nullable=False, index=True),
)
features = sa.Table(
    "live_features",
    metadata,
    sa.Column("project", _PROJECT, primary_key=True),
    sa.Column("feature", _FEATURE, primary_key=True),
    sa.Column("kind", sa.Integer, nullable=False),
    sa.Column("class_names", sa.Text, nullable=False),  # JSON
    sa.Column("class_counts", sa.LargeBinary, nullable=False),  # little-endian doubles
    sa.Column("labels_since_refit", sa.BigInteger, nullable=False),
    sa.Column("last_refit", sa.LargeBinary, nullable=False),  # labelmill.quality.v1.Refit
)
labelers = sa.Table(
    "live_labelers",
    metadata,
    sa.Column("project", _PROJECT, primary_key=True),
    sa.Column("feature", _FEATURE, primary_key=True),
    sa.Column("labeler", _LABELER, primary_key=True),
    sa.Column("label_count", sa.BigInteger, nullable=False),
    sa.Column("agreed_count", sa.BigInteger, nullable=False),
    sa.Column("compared_count", sa.BigInteger, nullable=False),
    sa.Column("right_count", sa.BigInteger, nullable=False),
    sa.Column("gold_count", sa.BigInteger, nullable=False),
    sa.Column("counts", sa.LargeBinary, nullable=False),  # little-endian doubles, a square of them
)
items = sa.Table(
    "live_items",
    metadata,
    sa.Column("project", _PROJECT, primary_key=True),
    sa.Column("feature", _FEATURE, primary_key=True),
    sa.Column("item", sa.String(256), primary_key=True),
    sa.Column("said", sa.Text, nullable=False),  # JSON
    sa.Column("gold", sa.String(63), nullable=False),
    sa.Column("posterior", sa.LargeBinary, nullable=False),  # little-endian doubles
    sa.Column("agreed", sa.Text, nullable=False),  # JSON
    sa.Column("label_count", sa.Integer, nullable=False),
    sa.Column("disagreement", sa.Double, nullable=False),
    sa.Column("uncertainty", sa.Double, nullable=False),
    sa.Column("tally", sa.Text, nullable=False),
    sa.Index("ix_live_items_disagreement", "project", "feature", "disagreement", "item"),
    sa.Index("ix_live_items_uncertainty", "project", "feature", "uncertainty", "item"),
    sa.Index("ix_live_items_item", "project", "item"),
)
