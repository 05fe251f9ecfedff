"""The tables of the privacy ledger; a migration makes them. Prices are whole units, see statistics/price.py."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table

from labelmill_anonymization.adapters.tables import metadata

privacy_budgets = Table(
    "privacy_budgets",
    metadata,
    Column("project", String(63), primary_key=True),
    Column("epsilon_total", BigInteger, nullable=False),
    Column("delta_total", BigInteger, nullable=False),
    Column("epsilon_spent", BigInteger, nullable=False),
    Column("delta_spent", BigInteger, nullable=False),
    Column("release_count", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("update_time_ms", BigInteger, nullable=False),
)
releases = Table(
    "releases",
    metadata,
    Column("project", String(63), primary_key=True),
    Column("place", BigInteger, primary_key=True, autoincrement=False),  # in the order of spending, from 1 on
    Column("release", String(32), nullable=False),
    Column("request_key", String(64), nullable=False),  # SHA-256 of principal and request id
    Column("body", LargeBinary, nullable=False),  # keyed digest of the request
    Column("content", LargeBinary, nullable=False),  # labelmill.anonymization.v1.Release
    Column("answered", Boolean, nullable=False),
    Index("ux_releases_release", "project", "release", unique=True),
    Index("ux_releases_request", "project", "request_key", unique=True),
)
