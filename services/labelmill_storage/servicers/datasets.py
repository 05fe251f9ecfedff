"""DatasetService over gRPC: proto in, domain call, proto out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from google.longrunning import operations_pb2
from google.protobuf.empty_pb2 import Empty
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill.storage.v1 import datasets_service_pb2 as pb
from labelmill.storage.v1 import datasets_service_pb2_grpc
from labelmill_runtime import names
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.operations import OperationStore
from labelmill_runtime.paging import PageTokens, page_size
from labelmill_runtime.principal import current_principal
from labelmill_storage.assets import parse_assets
from labelmill_storage.convert import assets as convert_assets
from labelmill_storage.convert import datasets as convert
from labelmill_storage.datasets import snapshot_diff
from labelmill_storage.datasets.datasets import DatasetKey, Selection, parse_dataset, selection
from labelmill_storage.datasets.ports import DatasetRecords, Manifests, SnapshotRecords
from labelmill_storage.datasets.snapshot_export import SnapshotExport
from labelmill_storage.datasets.snapshots import parse_snapshot
from labelmill_storage.gate.zones import view
from labelmill_storage.operations.create_snapshot import KIND, CreateSnapshot
from labelmill_storage.ports import ProjectDirectory

_CHANGES_AT_ONCE = 1000


@dataclass(frozen=True)
class DatasetServicer(datasets_service_pb2_grpc.DatasetServiceServicer):
    """Serves datasets and snapshots."""

    datasets: DatasetRecords
    snapshots: SnapshotRecords
    manifests: Manifests
    creation: CreateSnapshot
    export: SnapshotExport
    projects: ProjectDirectory
    operations: OperationStore
    request_log: RequestLog
    page_tokens: PageTokens

    async def CreateDataset(self, request: pb.CreateDatasetRequest, context: Any) -> pb.Dataset:  # noqa: N802
        """Makes an empty dataset."""
        key, sent = DatasetKey(convert_assets.project(request.parent), request.dataset_id), request.dataset
        await self.projects.require(key.project)

        async def respond(session: AsyncSession) -> pb.Dataset:
            return convert.dataset(await self.datasets.create(session, key, sent.display_name, sent.description))

        return await self.request_log.once(request, respond, pb.Dataset)

    async def GetDataset(self, request: pb.GetDatasetRequest, context: Any) -> pb.Dataset:  # noqa: N802
        """Reads a dataset."""
        return convert.dataset(await self.datasets.get(parse_dataset(request.name)))

    async def ListDatasets(  # noqa: N802
        self, request: pb.ListDatasetsRequest, context: Any
    ) -> pb.ListDatasetsResponse:
        """Lists datasets by name."""
        project, size = convert_assets.project(request.parent), page_size(request.page_size)
        cursor = self.page_tokens.decode(request.page_token, parent=f"{request.parent}/datasets")
        await self.projects.require(project)
        found = await self.datasets.page(project, str(cursor[0]) if cursor else "", size + 1)
        last = [found[size - 1].key.id] if len(found) > size else None
        return pb.ListDatasetsResponse(
            datasets=[convert.dataset(dataset) for dataset in found[:size]],
            next_page_token=self.page_tokens.encode(last, parent=f"{request.parent}/datasets") if last else "",
        )

    async def UpdateDataset(self, request: pb.UpdateDatasetRequest, context: Any) -> pb.Dataset:  # noqa: N802
        """Changes texts of a dataset."""
        key = parse_dataset(request.dataset.name, field="dataset.name")
        texts = convert.changed_texts(request.dataset, request.update_mask)

        async def respond(session: AsyncSession) -> pb.Dataset:
            return convert.dataset(await self.datasets.change(session, key, texts, request.dataset.etag))

        return await self.request_log.once(request, respond, pb.Dataset)

    async def DeleteDataset(self, request: pb.DeleteDatasetRequest, context: Any) -> Empty:  # noqa: N802
        """Forgets a dataset."""
        key = parse_dataset(request.name)

        async def respond(session: AsyncSession) -> Empty:
            await self.datasets.delete(session, key)
            return Empty()

        return await self.request_log.once(request, respond, Empty)

    async def AddDatasetAssets(  # noqa: N802
        self, request: pb.AddDatasetAssetsRequest, context: Any
    ) -> pb.AddDatasetAssetsResponse:
        """Puts assets in."""
        key, chosen = parse_dataset(request.name), _selection(request)

        async def respond(session: AsyncSession) -> pb.AddDatasetAssetsResponse:
            done = await self.datasets.add(session, key, chosen)
            return pb.AddDatasetAssetsResponse(added_count=done.changed, asset_count=done.asset_count)

        return await self.request_log.once(request, respond, pb.AddDatasetAssetsResponse)

    async def RemoveDatasetAssets(  # noqa: N802
        self, request: pb.RemoveDatasetAssetsRequest, context: Any
    ) -> pb.RemoveDatasetAssetsResponse:
        """Takes assets out."""
        key, chosen = parse_dataset(request.name), _selection(request)

        async def respond(session: AsyncSession) -> pb.RemoveDatasetAssetsResponse:
            done = await self.datasets.remove(session, key, chosen)
            return pb.RemoveDatasetAssetsResponse(removed_count=done.changed, asset_count=done.asset_count)

        return await self.request_log.once(request, respond, pb.RemoveDatasetAssetsResponse)

    async def ListDatasetAssets(  # noqa: N802
        self, request: pb.ListDatasetAssetsRequest, context: Any
    ) -> pb.ListDatasetAssetsResponse:
        """Lists the assets of a dataset."""
        key, bound = parse_dataset(request.parent, field="parent"), {"parent": request.parent, "filter": request.filter}
        cursor = self.page_tokens.decode(request.page_token, **bound)
        after, size = int(cursor[0] or 0) if cursor else 0, page_size(request.page_size)
        page = await self.datasets.asset_page(key, request.filter, after, size)
        roles = current_principal().roles(key.project)
        return pb.ListDatasetAssetsResponse(
            assets=[convert_assets.asset(view(asset, asset.name, roles)) for asset in page.assets],
            next_page_token="" if page.next_cursor is None else self.page_tokens.encode([page.next_cursor], **bound),
        )

    async def CreateSnapshot(  # noqa: N802
        self, request: pb.CreateSnapshotRequest, context: Any
    ) -> operations_pb2.Operation:
        """Freezes a dataset."""
        if (before := await self.request_log.answered(request, operations_pb2.Operation)) is not None:
            return before
        await self.creation.check(request)
        project = names.project_of(request.parent)

        async def respond(session: AsyncSession) -> operations_pb2.Operation:
            metadata = pb.CreateSnapshotMetadata()
            metadata.progress.create_time.GetCurrentTime()
            return await self.operations.start(session, kind=KIND, project=project, request=request, metadata=metadata)

        return await self.request_log.once(request, respond, operations_pb2.Operation)

    async def GetSnapshot(self, request: pb.GetSnapshotRequest, context: Any) -> pb.Snapshot:  # noqa: N802
        """Reads a snapshot."""
        return convert.snapshot(await self.snapshots.get(parse_snapshot(request.name)))

    async def ListSnapshots(  # noqa: N802
        self, request: pb.ListSnapshotsRequest, context: Any
    ) -> pb.ListSnapshotsResponse:
        """Lists the snapshots of a dataset, newest first."""
        key, size = parse_dataset(request.parent, field="parent"), page_size(request.page_size)
        cursor = self.page_tokens.decode(request.page_token, parent=f"{request.parent}/snapshots")
        found = await self.snapshots.page(key, str(cursor[0]) if cursor else "", size + 1)
        last = [found[size - 1].key.id] if len(found) > size else None
        return pb.ListSnapshotsResponse(
            snapshots=[convert.snapshot(snapshot) for snapshot in found[:size]],
            next_page_token=self.page_tokens.encode(last, parent=f"{request.parent}/snapshots") if last else "",
        )

    async def DiffSnapshots(  # noqa: N802
        self, request: pb.DiffSnapshotsRequest, context: Any
    ) -> AsyncIterator[pb.DiffSnapshotsResponse]:
        """What changed from one snapshot to another."""
        newer, older = parse_snapshot(request.name), parse_snapshot(request.base, field="base")
        names.require_project(request.base, newer.dataset.project, field="base")
        before, after = [self.manifests.rows(await self.snapshots.get(key)) for key in (older, newer)]
        async for found in snapshot_diff.changes(before, after, at_most=_CHANGES_AT_ONCE):
            yield convert.changes(found)

    async def ExportSnapshot(  # noqa: N802
        self, request: pb.ExportSnapshotRequest, context: Any
    ) -> AsyncIterator[pb.ExportSnapshotResponse]:
        """Gives the rows, with contents where wanted."""
        snapshot = await self.snapshots.get(parse_snapshot(request.name))
        roles = current_principal().roles(snapshot.key.dataset.project)
        rows = self.export.rows(snapshot, request.split, with_content=request.include_content, roles=roles)
        async for some in rows:
            for row in some:
                yield convert.exported(row)

    async def DownloadSnapshot(  # noqa: N802
        self, request: pb.DownloadSnapshotRequest, context: Any
    ) -> AsyncIterator[pb.DownloadSnapshotResponse]:
        """Gives the Parquet file."""
        snapshot = await self.snapshots.get(parse_snapshot(request.name))
        async for chunk in self.manifests.chunks(snapshot):
            yield pb.DownloadSnapshotResponse(chunk=chunk)


def _selection(request: pb.AddDatasetAssetsRequest | pb.RemoveDatasetAssetsRequest) -> Selection:
    project = names.project_of(request.name)
    return selection(parse_assets(project, request.asset_names), request.filter)
