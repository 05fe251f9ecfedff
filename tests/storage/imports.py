"""Calls of the import service, and waiting for what they start."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from google.longrunning import operations_pb2, operations_pb2_grpc

from labelmill.storage.v1 import imports_service_pb2 as pb
from labelmill.storage.v1 import imports_service_pb2_grpc
from tests.storage.client import PARENT, PROJECT, Refusal, Storage

AFTER_CURSOR = pb.RunImportRequest.MODE_AFTER_CURSOR
COMPARE = pb.RunImportRequest.MODE_COMPARE
_KEYS = ("created", "already_existed", "unchanged", "failed")


class Imports:
    """The import service of a running server."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.stub = imports_service_pb2_grpc.ImportServiceStub(storage.channel)
        self.operations = operations_pb2_grpc.OperationsStub(storage.channel)

    async def call(self, method: str, request: Any, *, who: str | None = "manager") -> Any:
        return await getattr(self.stub, method)(request, metadata=self.storage.as_(who), timeout=60)

    async def create(self, source_id: str = "files", *, who: str = "manager", **place: Any) -> pb.Source:
        request = pb.CreateSourceRequest(parent=PARENT, source_id=source_id, source=pb.Source(**place))
        source: pb.Source = await self.call("CreateSource", request, who=who)
        return source

    async def folder(self, path: Any, source_id: str = "files", include: Sequence[str] = (), **more: Any) -> pb.Source:
        return await self.create(source_id, folder=pb.Source.Folder(path=str(path), include=include), **more)

    async def bucket(self, bucket: str, prefix: str = "", source_id: str = "files") -> pb.Source:
        return await self.create(source_id, bucket=pb.Source.Bucket(bucket=bucket, prefix=prefix))

    async def manifest(self, uri: Any, source_id: str = "files", **options: Any) -> pb.Source:
        return await self.create(source_id, manifest=pb.Source.Manifest(uri=str(uri), **options))

    async def get(self, source_id: str = "files") -> pb.Source:
        found: pb.Source = await self.call("GetSource", pb.GetSourceRequest(name=f"{PARENT}/sources/{source_id}"))
        return found

    async def begin(self, source_id: str = "files", **options: Any) -> operations_pb2.Operation:
        request = pb.RunImportRequest(name=f"{PARENT}/sources/{source_id}", **options)
        operation: operations_pb2.Operation = await self.call("RunImport", request)
        return operation

    async def wait(self, name: str) -> operations_pb2.Operation:
        while True:
            request = operations_pb2.WaitOperationRequest(name=name)
            request.timeout.FromSeconds(10)
            operation: operations_pb2.Operation = await self.operations.WaitOperation(
                request, metadata=self.storage.as_("manager"), timeout=60
            )
            if operation.done:
                return operation
            await asyncio.sleep(0.05)

    async def end(self, source_id: str = "files", **options: Any) -> operations_pb2.Operation:
        """An import, to its end, whatever that is."""
        return await self.wait((await self.begin(source_id, **options)).name)

    async def run(self, source_id: str = "files", **options: Any) -> dict[str, int]:
        """An import that succeeds: its counts that are not 0."""
        operation = await self.end(source_id, **options)
        assert not operation.HasField("error"), operation.error
        return counts(operation)

    async def fails(self, source_id: str = "files", **options: Any) -> Refusal:
        """An import that fails."""
        operation = await self.end(source_id, **options)
        assert operation.HasField("error"), operation.response
        return Refusal(operation.error)

    async def items(self, source_id: str = "files", filter: str = "", page_size: int = 1000) -> list[pb.ImportItem]:  # noqa: A002
        found: list[pb.ImportItem] = []
        token = ""
        while True:
            request = pb.ListImportItemsRequest(
                parent=f"{PARENT}/sources/{source_id}", filter=filter, page_size=page_size, page_token=token
            )
            page = await self.call("ListImportItems", request)
            found += page.import_items
            token = page.next_page_token
            if not token:
                return found

    async def dead_letters(self, source_id: str = "files") -> dict[str, str]:
        """Key -> reason."""
        return {item.key: Refusal(item.status).reason for item in await self.items(source_id, filter="state = FAILED")}


def counts(operation: operations_pb2.Operation) -> dict[str, int]:
    """What an import did, without what it did not."""
    summary = pb.ImportSummary()
    assert operation.response.Unpack(summary)
    found = {key: getattr(summary, f"{key}_count") for key in _KEYS}
    return {key: value for key, value in found.items() if value}


def metadata(operation: operations_pb2.Operation) -> pb.ImportMetadata:
    told = pb.ImportMetadata()
    assert operation.metadata.Unpack(told)
    return told


__all__ = ["AFTER_CURSOR", "COMPARE", "PARENT", "PROJECT", "Imports", "counts", "metadata"]
