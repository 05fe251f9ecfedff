"""Assets, contents and receipts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import status_pb2

from labelmill.anonymization.v1 import resources_pb2 as anonymization_pb2
from labelmill.receipts import sign_bytes
from labelmill.storage.v1 import resources_pb2, service_pb2
from labelmill.type.v1 import geometry_pb2
from labelmill_runtime.errors import LabelmillError
from labelmill_runtime.status import to_status
from labelmill_storage.assets import Asset, Content, Recorded, Zone, asset_name
from labelmill_storage.gate import admission
from labelmill_storage.gate.receipts import Receipt
from labelmill_storage.gate.zones import Roles, View, view
from labelmill_storage.transfers import ingest
from labelmill_storage.transfers.reading import Reading

_LATEST_US = 253_402_300_799_999_999
_PROJECTS = "projects/"


def project(parent: str) -> str:
    """The project id of a parent that the validation let pass."""
    return parent.removeprefix(_PROJECTS)


def zone(value: resources_pb2.Zone.ValueType) -> Zone:
    """The zone asked for; CLEAN where none is named."""
    return Zone(value) if value else Zone.CLEAN


def ingest_items(items: Sequence[service_pb2.BatchCreateAssetsRequest.Item]) -> list[ingest.Item]:
    """The items of a batch."""
    return [
        ingest.Item(item.content, item.media_type, item.external_id, dict(item.labels), item.subject) for item in items
    ]


def admission_items(items: Sequence[service_pb2.BatchAdmitAssetsRequest.Item]) -> list[admission.Item]:
    """Clean contents and their receipts."""
    return [admission.Item(item.content, receipt(item.receipt)) for item in items]


def receipt(message: anonymization_pb2.Receipt) -> Receipt:
    """A receipt, with the bytes that its signature covers."""
    time = message.create_time
    return Receipt(
        name=message.name,
        asset=message.asset,
        raw_sha256=message.raw_sha256,
        clean_sha256=message.clean_sha256,
        policy=f"{message.policy}@{message.policy_version}",
        create_time_us=max(0, min(time.seconds * 1_000_000 + time.nanos // 1000, _LATEST_US)),
        signing_key_id=message.signing_key_id,
        signature=message.signature,
        signed=sign_bytes(message),
        body=message.SerializeToString(deterministic=True),
    )


def asset(seen: View) -> resources_pb2.Asset:
    """An asset as its viewer may see it."""
    it = seen.asset
    return resources_pb2.Asset(
        name=it.name,
        zone=resources_pb2.Zone.ValueType(it.zone),
        raw=None if seen.hides_origin else content(it.raw),
        clean=None if it.clean is None else content(it.clean),
        receipt=it.receipt,
        exception=it.exception,
        external_id=it.external_id,
        labels=it.labels,
        create_time=_timestamp(it.create_time),
        update_time=_timestamp(it.update_time),
    )


def content(it: Content) -> resources_pb2.Content:
    """The description of a content."""
    size, known, geo = it.image_size, it.metadata, it.metadata.geo_reference
    return resources_pb2.Content(
        sha256=it.sha256,
        size_bytes=it.size_bytes,
        media_type=it.media_type,
        text_length=it.text_length,
        image_size=None if size is None else geometry_pb2.ImageSize(width_px=size[0], height_px=size[1]),
        language=known.language,
        has_exif=known.has_exif,
        has_gps=known.has_gps,
        duration_ms=known.duration_ms,
        geo_reference=None if geo is None else resources_pb2.GeoReference(crs=geo.crs, transform=geo.transform),
        remove_time=None if it.removed_time is None else _timestamp(it.removed_time),
    )


def recorded(outcome: Recorded | LabelmillError, roles: Roles) -> service_pb2.AssetResult:
    """What became of one item."""
    if isinstance(outcome, LabelmillError):
        return service_pb2.AssetResult(status=to_status(outcome))
    seen = view(outcome.asset, outcome.asset.name, roles)
    return service_pb2.AssetResult(
        asset=asset(seen), status=status_pb2.Status(), already_existed=outcome.already_existed
    )


def found(it: Asset | None, project_id: str, asset_id: str, roles: Roles) -> service_pb2.AssetResult:
    """One of many assets, or why there is none."""
    try:
        return service_pb2.AssetResult(
            asset=asset(view(it, asset_name(project_id, asset_id), roles)), status=status_pb2.Status()
        )
    except LabelmillError as error:
        return service_pb2.AssetResult(status=to_status(error))


def reading(name: str, outcome: Reading | LabelmillError) -> service_pb2.BatchReadAssetsResponse.Result:
    """One of many contents, or why it is missing."""
    result = service_pb2.BatchReadAssetsResponse.Result
    if isinstance(outcome, LabelmillError):
        return result(name=name, status=to_status(outcome))
    return result(
        name=name, description=content(outcome.description), content=outcome.content, status=status_pb2.Status()
    )


def _timestamp(moment: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp
