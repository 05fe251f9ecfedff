"""The runtime's own tables, which services keep in their own databases: operations, request ids, erased names.

Times are integer milliseconds since 1970 (UTC), because SQLite and PostgreSQL compare those alike.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text

_OPERATIONS = "runtime_operations"
_REQUESTS = "runtime_requests"
_ERASED_NAMES = "runtime_erased_names"


@dataclass(frozen=True)
class RuntimeTables:
    """The two tables."""

    operations: Table
    requests: Table


def runtime_tables(metadata: MetaData) -> RuntimeTables:
    """The runtime's tables in a service's metadata; added at the first call."""
    if _OPERATIONS in metadata.tables:
        return RuntimeTables(metadata.tables[_OPERATIONS], metadata.tables[_REQUESTS])
    operations = Table(
        _OPERATIONS,
        metadata,
        Column("name", String(255), primary_key=True),
        Column("kind", String(64), nullable=False),
        Column("project", String(63), nullable=False),
        Column("principal", Text, nullable=False),  # JSON: id and grants of who started it
        Column("request", LargeBinary, nullable=False),
        Column("metadata", LargeBinary, nullable=False),
        Column("checkpoint", Text, nullable=False),  # JSON
        Column("done", Boolean, nullable=False),
        Column("error", LargeBinary),  # google.rpc.Status
        Column("response", LargeBinary),  # google.protobuf.Any
        Column("cancel_requested_ms", BigInteger),
        Column("owner", String(255)),
        Column("lease_until_ms", BigInteger, nullable=False),
        Column("fence", BigInteger, nullable=False),  # grows with every claim; writes of an older claim are refused
        Column("attempts", Integer, nullable=False),  # claims since the last progress
        Column("create_time_ms", BigInteger, nullable=False),
        Column("update_time_ms", BigInteger, nullable=False),
        Index("ix_runtime_operations_project", "project", "name"),
        Index("ix_runtime_operations_open", "done", "lease_until_ms"),
    )
    requests = Table(
        _REQUESTS,
        metadata,
        Column("key", String(64), primary_key=True),  # SHA-256 of principal, request type and request id
        Column("body_sha256", String(64), nullable=False),
        Column("response", LargeBinary),
        Column("create_time_ms", BigInteger, nullable=False),
        Index("ix_runtime_requests_create_time", "create_time_ms"),
    )
    return RuntimeTables(operations, requests)


def erased_names_table(metadata: MetaData) -> Table:
    """The table of `ErasedNames` in the metadata of a service that uses it; added at the first call."""
    if _ERASED_NAMES in metadata.tables:
        return metadata.tables[_ERASED_NAMES]
    return Table(
        _ERASED_NAMES,
        metadata,
        Column("name", String(255), primary_key=True),
        Column("erase_time_ms", BigInteger, nullable=False),
        Index("ix_runtime_erased_names_time", "erase_time_ms"),
    )
