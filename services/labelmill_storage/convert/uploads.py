"""Uploads, URLs and streamed admissions."""

from __future__ import annotations

from collections.abc import AsyncIterator

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from labelmill.storage.v1 import resources_pb2, service_pb2
from labelmill_runtime import names
from labelmill_storage.assets import asset_name
from labelmill_storage.convert.assets import content, project, receipt
from labelmill_storage.gate import admission
from labelmill_storage.ports import SignedUrl
from labelmill_storage.transfers import ingest
from labelmill_storage.transfers.links import Link
from labelmill_storage.transfers.resumable import UPLOAD_NAME, upload_name
from labelmill_storage.transfers.uploads import Standing


async def upload_parts(messages: AsyncIterator[service_pb2.UploadAssetRequest]) -> AsyncIterator[ingest.Part]:
    """The parts of an upload."""
    async for message in messages:
        match message.WhichOneof("part"):
            case "header":
                yield header(message.header)
            case "chunk":
                yield message.chunk
            case _:
                yield ingest.Checksum(message.sha256)


async def admission_parts(messages: AsyncIterator[service_pb2.AdmitAssetRequest]) -> AsyncIterator[admission.Part]:
    """The parts of an admission."""
    async for message in messages:
        match message.WhichOneof("part"):
            case "header":
                yield admission.Header(project(message.header.parent), receipt(message.header.receipt))
            case "chunk":
                yield message.chunk
            case _:
                yield ingest.Checksum(message.sha256)


def header(message: service_pb2.UploadAssetRequest.Header) -> ingest.Header:
    """What an upload begins with."""
    return ingest.Header(
        project=project(message.parent),
        media_type=message.media_type,
        external_id=message.external_id,
        labels=dict(message.labels),
        size_bytes=message.size_bytes,
        upload_id=message.upload_id,
        offset_bytes=message.offset_bytes,
        sha256=message.sha256,
        subject=message.subject,
    )


def parse_upload(name: str) -> tuple[str, str]:
    """(project, upload id) of a name."""
    parts = names.parse(UPLOAD_NAME, name)
    return parts["project"], parts["upload"]


def standing(it: Standing) -> resources_pb2.Upload:
    """How far an upload is."""
    upload = it.upload
    message = resources_pb2.Upload(
        name=upload.name,
        received_bytes=it.received_bytes,
        size_bytes=upload.announced.size_bytes,
        asset=asset_name(upload.project, upload.asset_id) if upload.asset_id else "",
    )
    message.create_time.FromDatetime(upload.create_time)
    message.expire_time.FromDatetime(upload.expire_time)
    return message


def finishing(done_bytes: int, size_bytes: int) -> service_pb2.FinishUploadMetadata:
    """How far the check of an upload is that begins, or ends, now."""
    metadata = service_pb2.FinishUploadMetadata()
    metadata.progress.done_count, metadata.progress.total_count = done_bytes, size_bytes
    metadata.progress.create_time.GetCurrentTime()
    return metadata


def seconds(duration: Duration, default_s: int) -> int:
    """A whole number of seconds, rounded up; the default where none is given."""
    if not (duration.seconds or duration.nanos):
        return default_s
    return duration.seconds + (duration.nanos > 0)


def upload_url(signed: SignedUrl, said: ingest.Header) -> service_pb2.ObjectUrl:
    """A URL to put a content by."""
    message = _url(signed)
    message.upload = upload_name(said.project, said.upload_id)
    return message


def download_url(link: Link) -> service_pb2.ObjectUrl:
    """A URL to get a content by."""
    message = _url(link.signed)
    message.sha256 = link.content.sha256
    message.content.CopyFrom(content(link.content))
    return message


def _url(signed: SignedUrl) -> service_pb2.ObjectUrl:
    expire_time = Timestamp()
    expire_time.FromDatetime(signed.expire_time)
    return service_pb2.ObjectUrl(url=signed.url, method=signed.method, headers=signed.headers, expire_time=expire_time)
