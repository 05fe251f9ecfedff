"""Sources, imports and their items."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import status_pb2

from labelmill.storage.v1 import imports_service_pb2 as pb
from labelmill.type.v1 import progress_pb2
from labelmill_runtime.status import to_status
from labelmill_storage.assets import asset_name
from labelmill_storage.convert import assets as convert_assets
from labelmill_storage.imports import rows as import_rows
from labelmill_storage.imports.importing import Progress
from labelmill_storage.imports.ports import Counts, ItemRow
from labelmill_storage.imports.sources import Bucket, Folder, Format, InvalidSource, Manifest, Place, Source
from labelmill_storage.transfers import ingest

_FAILURES = 100
_FORMATS = {
    pb.Source.Manifest.FORMAT_UNSPECIFIED: None,
    pb.Source.Manifest.FORMAT_CSV: Format.CSV,
    pb.Source.Manifest.FORMAT_JSONL: Format.JSONL,
    pb.Source.Manifest.FORMAT_PARQUET: Format.PARQUET,
}
_FORMAT_NAMES = {format_: number for number, format_ in _FORMATS.items()}


def new_source(request: pb.CreateSourceRequest) -> Source:
    """The source that is asked for."""
    return Source(
        convert_assets.project(request.parent),
        request.source_id,
        _place(request.source),
        datetime.now(UTC),
        dict(request.source.labels),
    )


def _place(message: pb.Source) -> Place:
    match message.WhichOneof("place"):
        case "folder":
            return Folder(message.folder.path, tuple(message.folder.include))
        case "bucket":
            return Bucket(message.bucket.bucket, message.bucket.prefix)
        case "manifest":
            return _manifest(message.manifest)
    raise InvalidSource("source", "names no place")


def _manifest(message: pb.Source.Manifest) -> Manifest:
    plain = Manifest(message.uri)
    return Manifest(
        uri=message.uri,
        format=_FORMATS[message.format],
        content_column=message.content_column or plain.content_column,
        uri_column=message.uri_column or plain.uri_column,
        external_id_column=message.external_id_column or plain.external_id_column,
        label_columns=tuple(message.label_columns),
        subject_column=message.subject_column or plain.subject_column,
        media_type_column=message.media_type_column or plain.media_type_column,
    )


def source(it: Source) -> pb.Source:
    """A source."""
    message = pb.Source(
        name=it.name,
        labels=it.labels,
        cursor=it.cursor,
        create_time=timestamp(it.create_time),
        import_time=None if it.import_time is None else timestamp(it.import_time),
    )
    match it.place:
        case Folder(path, include):
            message.folder.CopyFrom(pb.Source.Folder(path=path, include=include))
        case Bucket(bucket, prefix):
            message.bucket.CopyFrom(pb.Source.Bucket(bucket=bucket, prefix=prefix))
        case Manifest() as manifest:
            message.manifest.CopyFrom(
                pb.Source.Manifest(
                    uri=manifest.uri,
                    format=_FORMAT_NAMES.get(manifest.format, pb.Source.Manifest.FORMAT_CSV),
                    content_column=manifest.content_column,
                    uri_column=manifest.uri_column,
                    external_id_column=manifest.external_id_column,
                    label_columns=manifest.label_columns,
                    subject_column=manifest.subject_column,
                    media_type_column=manifest.media_type_column,
                )
            )
    return message


def item(row: ItemRow, project: str) -> pb.ImportItem:
    """An item."""
    return pb.ImportItem(
        key=row.key,
        state=pb.ImportItem.State.ValueType(row.state),
        asset=asset_name(project, row.asset_id) if row.asset_id else "",
        status=status_pb2.Status.FromString(row.status),
        attempt_count=row.attempts,
        update_time=timestamp(row.update_time),
    )


def summary(it: Source, counts: Counts) -> pb.ImportSummary:
    """What an import did."""
    return pb.ImportSummary(
        source=it.name,
        created_count=counts.created,
        already_existed_count=counts.already_existed,
        unchanged_count=counts.unchanged,
        failed_count=counts.failed,
        read_bytes=counts.read_bytes,
    )


def begun(it: Source) -> pb.ImportMetadata:
    """The metadata of an import that begins."""
    metadata = pb.ImportMetadata(progress=progress_pb2.Progress(stage="waiting"), summary=summary(it, Counts()))
    metadata.progress.create_time.FromNanoseconds(time.time_ns())
    metadata.progress.update_time.CopyFrom(metadata.progress.create_time)
    return metadata


def told(metadata: pb.ImportMetadata, it: Source, progress: Progress) -> pb.ImportMetadata:
    """The metadata, brought up to date; failures carry hashes of keys, since keys may be personal."""
    told = pb.ImportMetadata()
    told.CopyFrom(metadata)
    told.summary.CopyFrom(summary(it, progress.counts))
    told.progress.stage = "importing"
    told.progress.done_count = progress.counts.done
    told.progress.failed_count = progress.counts.failed
    # A folder may have grown since it was counted.
    told.progress.total_count = max(progress.total, progress.counts.done) if progress.total else 0
    told.progress.update_time.FromNanoseconds(time.time_ns())
    room = _FAILURES - len(told.progress.partial_failures)
    for key_hash, error in progress.new_failures[:room]:
        told.progress.partial_failures.add(item=f"{it.name}/items/{key_hash}", status=to_status(error))
    return told


async def rows(messages: AsyncIterator[pb.ImportRowsRequest]) -> AsyncIterator[import_rows.Part]:
    """The parts of a stream of rows."""
    async for message in messages:
        if message.WhichOneof("part") == "header":
            header = message.header
            yield import_rows.Header(convert_assets.project(header.parent), dict(header.labels))
        else:
            row = message.row
            yield ingest.Item(row.content, row.media_type, row.external_id, dict(row.labels), row.subject)


def timestamp(moment: datetime) -> Timestamp:
    """A time."""
    message = Timestamp()
    message.FromDatetime(moment)
    return message
