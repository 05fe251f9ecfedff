"""Snapshots: what is frozen of a dataset. Pure.

Rows hold no external ids and no labels, on purpose: those name people and files, a snapshot is never changed, and
whoever is erased must be gone from it. What stays of an erased asset is hashes under a keyed id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from labelmill_runtime import names
from labelmill_runtime.errors import Aborted, DataLoss, LabelmillError, NotFound
from labelmill_storage.assets import Content, Zone
from labelmill_storage.datasets.datasets import DatasetKey
from labelmill_storage.datasets.splitting import InvalidBase, Split
from labelmill_storage.ports import ObjectKey, key_of

MANIFEST_TYPE = "application/vnd.apache.parquet"
SNAPSHOT_NAME = "projects/{project}/datasets/{dataset}/snapshots/{snapshot}"


class Row(NamedTuple):
    """One asset of a snapshot; the fields are the columns of the manifest and the canonical row, in this order."""

    asset: str
    zone: str
    """RAW or CLEAN when the snapshot was made."""
    sha256: str
    size_bytes: int
    media_type: str
    text_length: int | None
    width_px: int | None
    height_px: int | None
    admitted_by: str
    policy: str
    """projects/{project}/policies/{policy}@{version}; empty without a receipt."""
    create_time_us: int
    split: str


@dataclass(frozen=True, slots=True)
class SnapshotKey:
    """Which snapshot."""

    dataset: DatasetKey
    id: str

    @property
    def name(self) -> str:
        """projects/{project}/datasets/{dataset}/snapshots/{snapshot}."""
        return f"{self.dataset.name}/snapshots/{self.id}"


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where the assets and labels of a snapshot come from."""

    policies: Sequence[str] = ()
    exceptions: Sequence[str] = ()
    ontology: str = ""
    model_versions: Sequence[str] = ()
    base_snapshot: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An immutable version of a dataset."""

    key: SnapshotKey
    content_sha256: str
    manifest: Content
    """The Parquet file, as the object store has it."""
    asset_count: int
    content_size_bytes: int
    split_counts: Mapping[str, int]
    split: Split | None
    lineage: Lineage
    create_time: datetime
    erased_count: int = 0

    @property
    def manifest_key(self) -> ObjectKey:
        """Where the manifest is."""
        return key_of(Zone.RAW, self.key.dataset.project, self.manifest)


@dataclass(frozen=True, slots=True)
class Frozen:
    """An asset at the moment of its freezing, before it is in any part."""

    asset_id: str
    labels: Mapping[str, str]
    row: Row


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that was written."""

    file: Content
    content_sha256: str


@dataclass(slots=True)
class Totals:
    """What is counted while rows go by."""

    asset_count: int = 0
    content_size_bytes: int = 0
    split_counts: dict[str, int] = field(default_factory=dict)
    policies: set[str] = field(default_factory=set)
    exceptions: set[str] = field(default_factory=set)

    def count(self, row: Row) -> None:
        """Takes one row in."""
        self.asset_count += 1
        self.content_size_bytes += row.size_bytes
        if row.split:
            self.split_counts[row.split] = self.split_counts.get(row.split, 0) + 1
        if row.policy:
            self.policies.add(row.policy)
        elif row.admitted_by and "/receipts/" not in row.admitted_by:
            self.exceptions.add(row.admitted_by)


class SnapshotNotFound(NotFound):
    """There is no such snapshot."""

    def __init__(self, name: str) -> None:
        super().__init__("SNAPSHOT_NOT_FOUND", "There is no such snapshot.", resource=("labelmill.io/Snapshot", name))


class AssetsErasedMeanwhile(Aborted):
    """Assets were erased after they were written into a manifest and before its snapshot was there."""

    def __init__(self) -> None:
        message = "Assets were erased while the snapshot was being made; make it again."
        super().__init__("ASSETS_ERASED_MEANWHILE", message, retry_after_s=1.0)


class SnapshotDamaged(DataLoss):
    """The manifest is gone or has other bytes than were written."""

    def __init__(self) -> None:
        super().__init__("SNAPSHOT_DAMAGED", "The stored manifest of the snapshot is missing or damaged.")


def parse_snapshot(name: str, *, field: str = "name") -> SnapshotKey:
    """The snapshot of a name."""
    parts = names.parse(SNAPSHOT_NAME, name, field=field)
    return SnapshotKey(DatasetKey(parts["project"], parts["dataset"]), parts["snapshot"])


def parse_base(name: str, project: str) -> SnapshotKey:
    """The snapshot whose split is to be kept; INVALID_BASE unless it is named well and of the same project."""
    try:
        key = parse_snapshot(name)
    except LabelmillError:
        raise InvalidBase("it is not the name of a snapshot") from None
    if key.dataset.project != project:
        raise InvalidBase("it is in another project")
    return key
