"""What a filter over assets may name, as columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Table

from labelmill_runtime.sql_filters import FilterField
from labelmill_storage.adapters.sql.rows import to_microseconds
from labelmill_storage.assets import Zone

_LABELS = "labels."


class FilterColumns(Mapping[str, ColumnElement[Any] | FilterField]):
    """zone, media_type, language, external_id, size_bytes, create_time and labels.{any key}."""

    def __init__(self, assets: Table) -> None:
        self._labels = assets.c.labels
        self._fixed: dict[str, ColumnElement[Any] | FilterField] = {
            "zone": FilterField(assets.c.zone, _zone),
            "media_type": assets.c.raw_media_type,
            "language": assets.c.raw_metadata["language"].as_string(),
            "external_id": assets.c.external_id,
            "size_bytes": assets.c.raw_size_bytes,
            "create_time": FilterField(assets.c.create_time_us, microseconds),
        }

    def __getitem__(self, name: str) -> ColumnElement[Any] | FilterField:
        if name.startswith(_LABELS):
            label: ColumnElement[Any] = self._labels[name.removeprefix(_LABELS)].as_string()
            return label
        return self._fixed[name]

    def __iter__(self) -> Iterator[str]:
        yield from (*self._fixed, "labels.{key}")

    def __len__(self) -> int:
        return len(self._fixed) + 1


def _zone(text: str) -> int:
    return int(Zone[text.removeprefix("ZONE_")])


def microseconds(text: str) -> int:
    """A time of a filter, as it is stored; raises ValueError."""
    moment = datetime.fromisoformat(text)
    return to_microseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
