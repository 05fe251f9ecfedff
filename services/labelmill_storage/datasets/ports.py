"""What datasets and snapshots need from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from labelmill_storage.datasets.datasets import Dataset, DatasetKey, Membership, Selection
from labelmill_storage.datasets.snapshots import Frozen, Manifest, Row, Snapshot, SnapshotKey
from labelmill_storage.ports import ObjectKey, Page

Hold = Callable[[Any], Awaitable[None]]
"""Makes a transaction fail unless this process still owns the operation."""


class DatasetRecords(Protocol):
    """Knows the datasets. Those that take a transaction write in it; somebody else commits."""

    async def create(self, transaction: Any, key: DatasetKey, display_name: str, description: str) -> Dataset:
        """A new, empty dataset; raises DatasetExists."""

    async def get(self, key: DatasetKey) -> Dataset:
        """One dataset; raises DatasetNotFound."""

    async def page(self, project: str, after: str, size: int) -> list[Dataset]:
        """Datasets whose ids sort after `after`."""

    async def change(self, transaction: Any, key: DatasetKey, texts: Mapping[str, str], etag: str) -> Dataset:
        """Changes texts by name, if the etag is the current one ("" fits any); raises EtagMismatch."""

    async def delete(self, transaction: Any, key: DatasetKey) -> None:
        """Forgets a dataset; raises DatasetNotFound, DatasetHasSnapshots."""

    async def add(self, transaction: Any, key: DatasetKey, chosen: Selection) -> Membership:
        """Puts assets in; raises DatasetNotFound, AssetNotFound for the first one there is not."""

    async def remove(self, transaction: Any, key: DatasetKey, chosen: Selection) -> Membership:
        """Takes assets out; raises DatasetNotFound."""

    async def asset_page(self, key: DatasetKey, filter_text: str, after: int, size: int) -> Page:
        """Its assets in the order of their creation, after a cursor; raises DatasetNotFound, INVALID_FILTER."""


class SnapshotRecords(Protocol):
    """Knows the snapshots, and keeps what is frozen while a manifest is being made."""

    async def get(self, key: SnapshotKey) -> Snapshot:
        """One snapshot; raises SnapshotNotFound."""

    async def find(self, key: SnapshotKey) -> Snapshot | None:
        """One snapshot, if there is one."""

    async def page(self, dataset: DatasetKey, before: str, size: int) -> list[Snapshot]:
        """Snapshots of a dataset whose ids sort before `before` ("": all), newest first; raises DatasetNotFound."""

    async def check(self, dataset: DatasetKey, *, clean_only: bool) -> None:
        """Whether a dataset can be frozen now; raises DatasetNotFound, DatasetEmpty, AssetsNotClean."""

    async def freeze(self, key: SnapshotKey, *, clean_only: bool, hold: Hold) -> int:
        """Freezes which assets a snapshot has, at once and once; returns how many. Raises as `check`."""

    async def frozen(self, key: SnapshotKey, after: str, size: int) -> list[Frozen]:
        """Frozen assets whose ids sort after `after`, as they are now; without those that were erased meanwhile."""

    async def labels(self, project: str, asset_ids: Sequence[str]) -> dict[str, Mapping[str, str]]:
        """The labels of those assets that exist."""

    async def record(self, snapshot: Snapshot, frozen_count: int, hold: Hold) -> Snapshot:
        """Makes a snapshot visible.

        Raises:
            Aborted: CONTENT_REMOVED_MEANWHILE or ASSETS_ERASED_MEANWHILE, its manifest must be written again.
        """

    async def discard(self, key: SnapshotKey) -> None:
        """Forgets what was frozen for a snapshot that will not be."""


class Manifests(Protocol):
    """Writes and reads the files of snapshots."""

    async def write(
        self,
        project: str,
        rows: AsyncIterator[Sequence[Row]],
        describe: Callable[[], Mapping[str, str]],
        about_to_write: Callable[[Sequence[ObjectKey]], Awaitable[Mapping[ObjectKey, int]]],
    ) -> Manifest:
        """Writes a manifest; it is in its place as a whole when this returns, or not at all.

        Args:
            project: Whose it is.
            rows: In the order of asset names.
            describe: Called after the last row: what the file says about itself beside the rows.
            about_to_write: Called before the file is put in its place.
        """

    def rows(self, snapshot: Snapshot) -> AsyncIterator[list[Row]]:
        """The rows of a snapshot, in batches; raises SnapshotDamaged."""

    def chunks(self, snapshot: Snapshot) -> AsyncIterator[bytes]:
        """The file itself, in chunks of at most 256 KiB; raises SnapshotDamaged."""
