"""Assets as rows, and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row

from labelmill_storage.assets import NO_METADATA, Asset, Content, Draft, GeoReference, Metadata, Zone

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_time(microseconds: int) -> datetime:
    """A stored time."""
    return _EPOCH + timedelta(microseconds=microseconds)


def to_microseconds(moment: datetime) -> int:
    """A time as it is stored; exact, unlike a float of seconds."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def draft_row(draft: Draft, now_us: int) -> dict[str, Any]:
    """The row of a new asset."""
    return {
        "project": draft.project,
        "asset_id": draft.id,
        "zone": int(Zone.RAW),
        **content_columns("raw", draft.raw),
        "receipt": "",
        "receipt_time_us": 0,
        "external_id": draft.external_id,
        "labels": dict(draft.labels),
        "subject_hash": draft.subject_hash,
        "create_time_us": now_us,
        "update_time_us": now_us,
    }


def new_asset(draft: Draft, now_us: int) -> Asset:
    """What `to_asset` makes of the row of a new asset."""
    now = to_time(now_us)
    return Asset(
        project=draft.project,
        id=draft.id,
        raw=draft.raw,
        external_id=draft.external_id,
        labels=draft.labels,
        create_time=now,
        update_time=now,
    )


def content_columns(zone: str, content: Content) -> dict[str, Any]:
    """The columns of a content."""
    width, height = content.image_size or (None, None)
    return {
        f"{zone}_sha256": content.sha256,
        f"{zone}_size_bytes": content.size_bytes,
        f"{zone}_media_type": content.media_type,
        f"{zone}_text_length": content.text_length,
        f"{zone}_width_px": width,
        f"{zone}_height_px": height,
        f"{zone}_block_digests": content.block_digests or None,
        f"{zone}_metadata": metadata_json(content.metadata),
        f"{zone}_location": content.location,
        f"{zone}_remove_time_us": None if content.removed_time is None else to_microseconds(content.removed_time),
    }


def metadata_json(metadata: Metadata) -> dict[str, Any] | None:
    """What is known, by name; None for nothing."""
    geo = metadata.geo_reference
    values = {
        "language": metadata.language or None,
        "has_exif": metadata.has_exif,
        "has_gps": metadata.has_gps,
        "duration_ms": metadata.duration_ms,
        "geo_reference": None if geo is None else {"crs": geo.crs, "transform": list(geo.transform)},
    }
    return {name: value for name, value in values.items() if value is not None} or None


def to_metadata(values: dict[str, Any] | None) -> Metadata:
    """The inverse of `metadata_json`."""
    if not values:
        return NO_METADATA
    geo = values.get("geo_reference")
    return Metadata(
        language=values.get("language", ""),
        has_exif=values.get("has_exif"),
        has_gps=values.get("has_gps"),
        duration_ms=values.get("duration_ms"),
        geo_reference=None if geo is None else GeoReference(geo["crs"], tuple(geo["transform"])),
    )


def clean_columns(asset: Asset) -> dict[str, Any]:
    """The columns that an admission changes."""
    assert asset.clean is not None
    return {
        "zone": int(asset.zone),
        **content_columns("clean", asset.clean),
        "receipt": asset.receipt,
        "receipt_time_us": asset.receipt_time_us,
        "exception": asset.exception,
        "admit_time_us": to_microseconds(asset.update_time),
        "update_time_us": to_microseconds(asset.update_time),
    }


def to_asset(row: Row[Any]) -> Asset:
    """The asset in a row."""
    raw = _content(row, "raw")
    assert raw is not None
    return Asset(
        project=row.project,
        id=row.asset_id,
        raw=raw,
        clean=_content(row, "clean"),
        receipt=row.receipt,
        receipt_time_us=row.receipt_time_us,
        exception=row.exception,
        external_id=row.external_id,
        labels=row.labels,
        create_time=to_time(row.create_time_us),
        update_time=to_time(row.update_time_us),
    )


def _content(row: Row[Any], zone: str) -> Content | None:
    found = row._mapping  # SQLAlchemy's documented name for access by a computed key
    if found[f"{zone}_sha256"] is None:
        return None
    width, height = found[f"{zone}_width_px"], found[f"{zone}_height_px"]
    removed_us = found[f"{zone}_remove_time_us"]
    return Content(
        sha256=found[f"{zone}_sha256"],
        size_bytes=found[f"{zone}_size_bytes"],
        media_type=found[f"{zone}_media_type"],
        text_length=found[f"{zone}_text_length"],
        image_size=None if width is None or height is None else (width, height),
        block_digests=bytes(found[f"{zone}_block_digests"] or b""),
        metadata=to_metadata(found[f"{zone}_metadata"]),
        location=found[f"{zone}_location"],
        removed_time=None if removed_us is None else to_time(removed_us),
    )
