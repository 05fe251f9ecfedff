"""Sources as rows, and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from labelmill_storage.adapters.sql.rows import to_time
from labelmill_storage.imports.sources import Bucket, Folder, Format, Manifest, Place, Source


def place_json(place: Place) -> dict[str, Any]:
    """A place as JSON."""
    values = asdict(place)
    if isinstance(place, Manifest):
        values["format"] = place.format.value if place.format else None
    return {"kind": type(place).__name__.lower(), **values}


def to_place(stored: dict[str, Any]) -> Place:
    """The inverse of `place_json`."""
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()
    }
    match values.pop("kind"):
        case "folder":
            return Folder(**values)
        case "bucket":
            return Bucket(**values)
    return Manifest(**{**values, "format": Format(values["format"]) if values["format"] else None})


def to_source(row: Row[Any]) -> Source:
    """The source in a row."""
    return Source(
        project=row.project,
        id=row.source_id,
        place=to_place(row.place),
        labels=row.labels,
        cursor=row.cursor,
        operation=row.operation,
        create_time=to_time(row.create_time_us),
        import_time=None if row.import_time_us is None else to_time(row.import_time_us),
    )
