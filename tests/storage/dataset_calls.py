"""Calls of DatasetService."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from google.longrunning import operations_pb2, operations_pb2_grpc
from google.rpc import status_pb2

from labelmill.storage.v1 import datasets_service_pb2 as pb
from labelmill.storage.v1 import datasets_service_pb2_grpc, service_pb2
from tests.storage.client import PARENT, Storage

DATASET = f"{PARENT}/datasets/photos"
PARTS = [pb.Split.Part(name=name, share=share) for name, share in (("train", 0.8), ("val", 0.1), ("test", 0.1))]


class Failed(Exception):
    """An operation that failed."""

    def __init__(self, status: status_pb2.Status) -> None:
        super().__init__(status)
        self.status = status


class Datasets:
    """DatasetService of a running server."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.stub = datasets_service_pb2_grpc.DatasetServiceStub(storage.channel)
        self.operations = operations_pb2_grpc.OperationsStub(storage.channel)

    async def call(self, method: str, request: Any, *, who: str = "manager") -> Any:
        return await getattr(self.stub, method)(request, metadata=self.storage.as_(who), timeout=60)

    async def stream(self, method: str, request: Any, *, who: str = "manager") -> list[Any]:
        call = getattr(self.stub, method)(request, metadata=self.storage.as_(who), timeout=60)
        return [message async for message in call]

    async def create(self, dataset_id: str = "photos", *, who: str = "manager", **values: Any) -> pb.Dataset:
        request = pb.CreateDatasetRequest(parent=PARENT, dataset_id=dataset_id, dataset=pb.Dataset(**values))
        made: pb.Dataset = await self.call("CreateDataset", request, who=who)
        return made

    async def get(self, name: str = DATASET) -> pb.Dataset:
        found: pb.Dataset = await self.call("GetDataset", pb.GetDatasetRequest(name=name))
        return found

    async def add(self, asset_names: Sequence[str] = (), *, name: str = DATASET, **values: Any) -> Any:
        request = pb.AddDatasetAssetsRequest(name=name, asset_names=asset_names, **values)
        return await self.call("AddDatasetAssets", request)

    async def remove(self, asset_names: Sequence[str] = (), *, name: str = DATASET, **values: Any) -> Any:
        request = pb.RemoveDatasetAssetsRequest(name=name, asset_names=asset_names, **values)
        return await self.call("RemoveDatasetAssets", request)

    async def begin_snapshot(self, name: str = DATASET, **values: Any) -> operations_pb2.Operation:
        request = pb.CreateSnapshotRequest(parent=name, **values)
        return await self.call("CreateSnapshot", request)

    async def snapshot(self, name: str = DATASET, **values: Any) -> pb.Snapshot:
        return await self.result(await self.begin_snapshot(name, **values))

    async def ended(self, operation: operations_pb2.Operation) -> operations_pb2.Operation:
        request = operations_pb2.WaitOperationRequest(name=operation.name)
        request.timeout.FromSeconds(60)
        ended = await self.operations.WaitOperation(request, metadata=self.storage.as_("manager"), timeout=70)
        assert ended.done
        return ended

    async def result(self, operation: operations_pb2.Operation) -> pb.Snapshot:
        ended = await self.ended(operation)
        if ended.HasField("error"):
            raise Failed(ended.error)
        snapshot = pb.Snapshot()
        assert ended.response.Unpack(snapshot)
        return snapshot

    async def rows(self, name: str, **values: Any) -> list[Any]:
        return await self.stream("ExportSnapshot", pb.ExportSnapshotRequest(name=name, **values))

    async def file(self, name: str) -> bytes:
        chunks = [m.chunk for m in await self.stream("DownloadSnapshot", pb.DownloadSnapshotRequest(name=name))]
        assert all(0 < len(chunk) <= 256 * 1024 for chunk in chunks)
        return b"".join(chunks)

    async def diff(self, newer: str, older: str) -> list[Any]:
        messages = await self.stream("DiffSnapshots", pb.DiffSnapshotsRequest(name=newer, base=older))
        assert all(0 < len(message.changes) <= 1000 for message in messages)
        return [change for message in messages for change in message.changes]

    async def ingest(self, labelled: Mapping[bytes, Mapping[str, str]]) -> list[str]:
        """Creates assets with labels; their names."""
        item = service_pb2.BatchCreateAssetsRequest.Item
        items = [item(content=content, labels=labels) for content, labels in labelled.items()]
        request = service_pb2.BatchCreateAssetsRequest(parent=PARENT, items=items)
        return [result.asset.name for result in (await self.storage.call("BatchCreateAssets", request)).results]
