"""Calls of LifecycleService on a running storage server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from google.longrunning import operations_pb2, operations_pb2_grpc

from labelmill.storage.v1 import (
    audit_service_pb2,
    audit_service_pb2_grpc,
    lifecycle_service_pb2_grpc,
)
from labelmill.storage.v1 import (
    lifecycle_service_pb2 as pb,
)
from labelmill_runtime.database import Database
from labelmill_runtime.settings import RuntimeSettings
from labelmill_storage.adapters.sql.tables import StorageTables, storage_tables
from tests.storage.client import PARENT, Storage

REASON = "asked for by the person, letter of May"


class Lifecycle:
    """The life cycle of one server's contents."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self._stub: Any = lifecycle_service_pb2_grpc.LifecycleServiceStub(storage.channel)
        self._audit: Any = audit_service_pb2_grpc.AuditServiceStub(storage.channel)
        self._operations: Any = operations_pb2_grpc.OperationsStub(storage.channel)

    async def call(self, method: str, request: Any, *, who: str = "privacy_officer") -> Any:
        return await getattr(self._stub, method)(request, metadata=self.storage.as_(who), timeout=30)

    async def start_erasure(self, *, who: str = "privacy_officer", **values: Any) -> operations_pb2.Operation:
        request = pb.EraseAssetsRequest(**{"parent": PARENT, "reason": REASON, **values})
        operation: operations_pb2.Operation = await self.call("EraseAssets", request, who=who)
        return operation

    async def operation(self, name: str) -> operations_pb2.Operation:
        request = operations_pb2.GetOperationRequest(name=name)
        hint = ("labelmill-service", "storage")
        found: operations_pb2.Operation = await self._operations.GetOperation(
            request, metadata=(*self.storage.as_("privacy_officer"), hint), timeout=30
        )
        return found

    async def cancel(self, name: str) -> None:
        request = operations_pb2.CancelOperationRequest(name=name)
        await self._operations.CancelOperation(request, metadata=self.storage.as_("privacy_officer"), timeout=30)

    async def erased(self, **values: Any) -> pb.Erasure:
        """Erases, and waits for the certificate."""
        return await self.certificate(erasure_of(await self.start_erasure(**values)))

    async def certificate(self, name: str) -> pb.Erasure:
        """The erasure, when it is complete."""

        async def complete() -> bool:
            return (await self.erasure(name)).HasField("complete_time")

        await until(complete)
        return await self.erasure(name)

    async def erasure(self, name: str) -> pb.Erasure:
        found: pb.Erasure = await self.call("GetErasure", pb.GetErasureRequest(name=name))
        return found

    async def allow(self, **values: Any) -> int:
        request = pb.AllowErasedRequest(**{"parent": PARENT, "reason": REASON, **values})
        return int((await self.call("AllowErased", request)).allowed_count)

    async def hold(self, hold_id: str, **values: Any) -> pb.LegalHold:
        request = pb.CreateLegalHoldRequest(**{"parent": PARENT, "legal_hold_id": hold_id, "reason": REASON, **values})
        created: pb.LegalHold = await self.call("CreateLegalHold", request)
        return created

    async def release(self, hold_id: str) -> pb.LegalHold:
        request = pb.ReleaseLegalHoldRequest(name=f"{PARENT}/legalHolds/{hold_id}", reason=REASON)
        released: pb.LegalHold = await self.call("ReleaseLegalHold", request)
        return released

    async def keep(self, **days: Any) -> pb.Retention:
        retention = pb.Retention(name=f"{PARENT}/retention", **days)
        changed: pb.Retention = await self.call("UpdateRetention", pb.UpdateRetentionRequest(retention=retention))
        return changed

    async def usage(self) -> pb.Usage:
        found: pb.Usage = await self.call("GetUsage", pb.GetUsageRequest(name=f"{PARENT}/usage"))
        return found

    async def stored(self) -> list[tuple[int, int]]:
        """(bytes, contents) of RAW and CLEAN."""
        return [(zone.stored_bytes, zone.object_count) for zone in (await self.usage()).zones]

    async def entries(self, filter_text: str = "") -> list[audit_service_pb2.AuditEntry]:
        """The audit log, oldest first."""
        request = audit_service_pb2.ListAuditEntriesRequest(parent=PARENT, filter=filter_text, page_size=1000)
        answer = await self._audit.ListAuditEntries(request, metadata=self.storage.as_("privacy_officer"), timeout=30)
        return list(reversed(answer.audit_entries))

    async def public_key(self) -> bytes:
        request = audit_service_pb2.GetAuditHeadRequest(name=f"{PARENT}/auditHead")
        head = await self._audit.GetAuditHead(request, metadata=self.storage.as_("privacy_officer"), timeout=30)
        return bytes(head.public_key)


def erasure_of(operation: operations_pb2.Operation) -> str:
    """The name of the erasure that an operation carries out."""
    metadata = pb.EraseAssetsMetadata()
    assert operation.metadata.Unpack(metadata)
    return metadata.erasure


def stage_of(operation: operations_pb2.Operation) -> str:
    """What an operation says it is doing."""
    metadata = pb.EraseAssetsMetadata()
    assert operation.metadata.Unpack(metadata)
    return metadata.progress.stage


async def until(condition: Callable[[], Awaitable[Any]], timeout_s: float = 60.0) -> None:
    """Waits for something to become true."""
    async with asyncio.timeout(timeout_s):
        while not await condition():
            await asyncio.sleep(0.02)


@asynccontextmanager
async def database(settings: RuntimeSettings) -> AsyncIterator[tuple[Database, StorageTables]]:
    """The database of a server, for looking into it and for turning clocks."""
    tables = storage_tables()
    opened = await Database.open(settings, "storage", tables.metadata)
    try:
        yield opened, tables
    finally:
        await opened.close()
