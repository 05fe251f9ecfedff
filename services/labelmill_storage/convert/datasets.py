"""Datasets and snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from labelmill.storage.v1 import datasets_service_pb2 as pb
from labelmill.storage.v1 import resources_pb2
from labelmill_runtime.errors import InvalidArgument
from labelmill_storage.assets import Zone
from labelmill_storage.datasets.datasets import Dataset
from labelmill_storage.datasets.snapshot_diff import Change
from labelmill_storage.datasets.snapshot_export import Exported
from labelmill_storage.datasets.snapshots import Lineage, Row, Snapshot
from labelmill_storage.datasets.splitting import Part, Split

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TEXTS = ("display_name", "description")


def dataset(it: Dataset) -> pb.Dataset:
    """A dataset."""
    return pb.Dataset(
        name=it.key.name,
        display_name=it.display_name,
        description=it.description,
        asset_count=it.asset_count,
        etag=it.etag,
        create_time=_timestamp(it.create_time),
        update_time=_timestamp(it.update_time),
    )


def changed_texts(message: pb.Dataset, mask: FieldMask) -> dict[str, str]:
    """The texts that are to be changed, by name.

    Raises:
        InvalidArgument: UPDATE_MASK_INVALID, it names something that cannot be changed.
    """
    paths = list(mask.paths) if mask.paths and list(mask.paths) != ["*"] else list(_TEXTS)
    if not set(paths) <= set(_TEXTS):
        problem = "may name display_name and description"
        message_text = "update_mask names a field that cannot be changed."
        raise InvalidArgument("UPDATE_MASK_INVALID", message_text, fields={"update_mask": problem})
    return {path: getattr(message, path) for path in paths}


def split(message: pb.Split) -> Split:
    """How to divide."""
    parts = [Part(part.name, part.share) for part in message.parts]
    return Split(parts, message.seed, message.group_label, message.stratify_label)


def lineage(message: pb.Lineage) -> Lineage:
    """What the caller knows of the origin; the rest, storage tells itself."""
    return Lineage(
        ontology=message.ontology,
        model_versions=list(message.model_versions),
        base_snapshot=message.base_snapshot,
    )


def snapshot(it: Snapshot) -> pb.Snapshot:
    """A snapshot."""
    origin = it.lineage
    return pb.Snapshot(
        name=it.key.name,
        content_sha256=it.content_sha256,
        manifest_sha256=it.manifest.sha256,
        manifest_size_bytes=it.manifest.size_bytes,
        asset_count=it.asset_count,
        content_size_bytes=it.content_size_bytes,
        split_counts=it.split_counts,
        split=None if it.split is None else _split(it.split),
        lineage=pb.Lineage(
            policies=origin.policies,
            exceptions=origin.exceptions,
            ontology=origin.ontology,
            model_versions=origin.model_versions,
            base_snapshot=origin.base_snapshot,
        ),
        create_time=_timestamp(it.create_time),
        erased_count=it.erased_count,
    )


def changes(found: Sequence[Change]) -> pb.DiffSnapshotsResponse:
    """Some of the changes."""
    return pb.DiffSnapshotsResponse(
        changes=[
            pb.DiffSnapshotsResponse.Change(
                kind=pb.DiffSnapshotsResponse.Change.Kind.ValueType(change.kind),
                before=None if change.before is None else row(change.before),
                after=None if change.after is None else row(change.after),
            )
            for change in found
        ]
    )


def exported(it: Exported) -> pb.ExportSnapshotResponse:
    """One row of an export."""
    if it.error is not None:
        return pb.ExportSnapshotResponse(row=row(it.row), code=int(it.error.code), reason=it.error.reason)
    return pb.ExportSnapshotResponse(row=row(it.row), content=it.content)


def row(it: Row) -> pb.SnapshotRow:
    """One row."""
    return pb.SnapshotRow(
        asset=it.asset,
        zone=resources_pb2.Zone.ValueType(Zone[it.zone]),
        sha256=it.sha256,
        size_bytes=it.size_bytes,
        media_type=it.media_type,
        admitted_by=it.admitted_by,
        split=it.split,
    )


def now() -> datetime:
    """Now, as exactly as it is stored."""
    return datetime.now(UTC)


def microseconds(moment: datetime) -> int:
    """Since 1970; for checkpoints."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def time(since_epoch_us: int) -> datetime:
    """The inverse of `microseconds`."""
    return _EPOCH + timedelta(microseconds=since_epoch_us)


def _split(it: Split) -> pb.Split:
    return pb.Split(
        parts=[pb.Split.Part(name=part.name, share=part.share) for part in it.parts],
        seed=it.seed,
        group_label=it.group_label,
        stratify_label=it.stratify_label,
    )


def _timestamp(moment: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp
