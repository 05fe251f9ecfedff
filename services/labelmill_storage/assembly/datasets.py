"""Datasets and snapshots."""

from __future__ import annotations

from labelmill.storage.v1 import (
    datasets_service_pb2,
    datasets_service_pb2_grpc,
)
from labelmill_storage.adapters.snapshots.parquet_manifest import ParquetManifests
from labelmill_storage.adapters.sql.sql_datasets import SqlDatasets
from labelmill_storage.adapters.sql.sql_snapshots import SqlSnapshots
from labelmill_storage.assembly.parts import Area, Parts
from labelmill_storage.datasets.snapshot_export import SnapshotExport
from labelmill_storage.operations import create_snapshot
from labelmill_storage.servicers.datasets import DatasetServicer
from labelmill_storage.transfers.reading import Reader


def datasets(parts: Parts) -> Area:
    """Everything about datasets."""
    objects, records = parts.objects, parts.records
    manifests = ParquetManifests(objects, Reader(objects, records))
    snapshots = SqlSnapshots(parts.database, parts.tables)
    creation = create_snapshot.CreateSnapshot(snapshots, manifests, records)
    messages = datasets_service_pb2.CreateSnapshotRequest, datasets_service_pb2.CreateSnapshotMetadata
    parts.operations.register(create_snapshot.KIND, creation.run, *messages, max_parallel=2)
    servicer = DatasetServicer(
        datasets=SqlDatasets(parts.database, parts.tables),
        snapshots=snapshots,
        manifests=manifests,
        creation=creation,
        export=SnapshotExport(manifests, records, objects, parts.egress),
        projects=parts.projects,
        operations=parts.operations,
        request_log=parts.request_log,
        page_tokens=parts.context.page_tokens,
    )
    return Area(
        servicer,
        datasets_service_pb2_grpc.add_DatasetServiceServicer_to_server,
        datasets_service_pb2.DESCRIPTOR,
        close=manifests.close,
    )
