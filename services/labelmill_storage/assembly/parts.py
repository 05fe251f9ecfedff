"""What the areas of the service share, and what each of them adds to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc.aio
from google.protobuf.descriptor import FileDescriptor

from labelmill_runtime.database import Database
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.operations import OperationStore
from labelmill_runtime.service import RuntimeContext
from labelmill_storage.adapters.egress import SqlEgressMeter
from labelmill_storage.adapters.secrets.audit_key import AuditKey
from labelmill_storage.adapters.sql.sql_assets import SqlRecords
from labelmill_storage.adapters.sql.sql_audit import SqlAuditLog
from labelmill_storage.adapters.sql.tables import StorageTables
from labelmill_storage.assets import AssetIds
from labelmill_storage.housekeeping import Chore
from labelmill_storage.ports import ObjectStore, ProjectDirectory
from labelmill_storage.settings import StorageSettings

AddServicer = Callable[[Any, grpc.aio.Server], None]


@dataclass(frozen=True)
class Parts:
    """What the areas share."""

    settings: StorageSettings
    context: RuntimeContext
    database: Database
    tables: StorageTables
    objects: ObjectStore
    records: SqlRecords
    ids: AssetIds
    projects: ProjectDirectory
    request_log: RequestLog
    operations: OperationStore
    egress: SqlEgressMeter
    audit_log: SqlAuditLog
    audit_key: AuditKey


@dataclass(frozen=True)
class Area:
    """One servicer and what must run beside it."""

    servicer: object
    add: AddServicer
    descriptor: FileDescriptor
    chores: Sequence[Chore] = ()
    close: Callable[[], Awaitable[None]] | None = None
