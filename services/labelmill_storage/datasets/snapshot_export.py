"""The rows of a snapshot, with contents, as they can still be had. Pure but for its ports."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

from labelmill_runtime.errors import FailedPrecondition, LabelmillError, NotFound, ResourceExhausted
from labelmill_storage.assets import Asset, Content, Zone
from labelmill_storage.datasets.ports import Manifests
from labelmill_storage.datasets.snapshots import Row, Snapshot
from labelmill_storage.datasets.splitting import InvalidSplit
from labelmill_storage.gate import zones
from labelmill_storage.gate.zones import Roles
from labelmill_storage.ports import AssetRecords, EgressMeter, ObjectMissing, ObjectStore, key_of
from labelmill_storage.transfers.blocks import ContentDamaged

MAX_CONTENT_BYTES = 1024 * 1024
_BATCH_ROWS = 256
_BATCH_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Exported:
    """One row, its content where it was asked for, or why it is not what it was."""

    row: Row
    content: bytes = b""
    error: LabelmillError | None = None


class SnapshotExport:
    """Reads snapshots for callers who may."""

    def __init__(self, manifests: Manifests, records: AssetRecords, objects: ObjectStore, egress: EgressMeter) -> None:
        self._manifests = manifests
        self._records = records
        self._objects = objects
        self._egress = egress

    async def rows(
        self, snapshot: Snapshot, part: str, *, with_content: bool, roles: Roles
    ) -> AsyncIterator[Sequence[Exported]]:
        """The rows in the order of asset names, some at a time.

        Args:
            snapshot: Which.
            part: Only this part of its split; empty: all.
            with_content: Whether CLEAN contents come along.
            roles: The caller's, for the project's limit of what may be read in a day.

        Raises:
            InvalidArgument: INVALID_SPLIT, the snapshot has no such part.
            ResourceExhausted: QUOTA_EXCEEDED.
        """
        if part and (snapshot.split is None or part not in {known.name for known in snapshot.split.parts}):
            raise InvalidSplit("the snapshot has no such part", field="split")
        async for batch in self._manifests.rows(snapshot):
            wanted = [row for row in batch if not part or row.split == part]
            for some in _some(wanted, with_content=with_content):
                yield await self._exported(snapshot.key.dataset.project, some, with_content, roles)

    async def _exported(self, project: str, rows: Sequence[Row], with_content: bool, roles: Roles) -> list[Exported]:
        ids = [row.asset.rpartition("/")[2] for row in rows]
        assets = await self._records.get_many(project, ids)
        outcomes = [_standing(row, assets.get(asset_id), with_content) for asset_id, row in zip(ids, rows, strict=True)]
        if not with_content:
            return [Exported(row, error=_error(outcome)) for row, outcome in zip(rows, outcomes, strict=True)]
        await self._egress.check(project, roles)
        found = iter(await self._read(project, [outcome for outcome in outcomes if isinstance(outcome, Content)]))
        exported = []
        for row, asset_id, outcome in zip(rows, ids, outcomes, strict=True):
            content = next(found) if isinstance(outcome, Content) else outcome
            if isinstance(content, ObjectMissing):
                content = await self._missing(project, asset_id, row)
            if isinstance(content, LabelmillError):
                exported.append(Exported(row, error=content))
            else:
                self._egress.count(project, len(content))
                exported.append(Exported(row, content))
        return exported

    async def _read(self, project: str, contents: Sequence[Content]) -> list[bytes | LabelmillError]:
        found = await self._objects.read_many([key_of(Zone.CLEAN, project, content) for content in contents])
        return await asyncio.to_thread(_checked, contents, found)

    async def _missing(self, project: str, asset_id: str, row: Row) -> LabelmillError:
        """Why there is no object: mostly because it was erased or replaced since the asset was looked up."""
        outcome = _standing(row, await self._records.get(project, asset_id), with_content=True)
        return outcome if isinstance(outcome, LabelmillError) else ObjectMissing()


def _standing(row: Row, asset: Asset | None, with_content: bool) -> Content | LabelmillError:
    """The content that a row speaks of, as it is now: the CLEAN one where it is to be sent."""
    if asset is None:
        resource = ("labelmill.io/Asset", row.asset)
        return NotFound("ASSET_ERASED", "The asset was erased since the snapshot was made.", resource=resource)
    content = asset.content(Zone.CLEAN if with_content else Zone[row.zone])
    if content is None:
        return zones.NotClean(row.asset)
    if content.sha256 != row.sha256:
        return FailedPrecondition("CONTENT_CHANGED", "The asset has another content than in the snapshot.")
    if content.removed_time is not None:
        return zones.ContentRemoved(row.asset)
    if with_content and content.size_bytes > MAX_CONTENT_BYTES:
        message = "The content is too large for an export; read it with DownloadAsset."
        return ResourceExhausted("CONTENT_TOO_LARGE", message, metadata={"size_bytes": str(content.size_bytes)})
    return content


def _some(rows: Sequence[Row], *, with_content: bool) -> Iterator[Sequence[Row]]:
    """Rows in pieces whose contents fit into memory."""
    start, size = 0, 0
    for number, row in enumerate(rows):
        needed = row.size_bytes if with_content and row.size_bytes <= MAX_CONTENT_BYTES else 0
        if number > start and (number - start == _BATCH_ROWS or size + needed > _BATCH_BYTES):
            yield rows[start:number]
            start, size = number, 0
        size += needed
    if rows:
        yield rows[start:]


def _checked(contents: Sequence[Content], found: Sequence[bytes | LabelmillError]) -> list[bytes | LabelmillError]:
    return [
        ContentDamaged() if isinstance(data, bytes) and hashlib.sha256(data).hexdigest() != content.sha256 else data
        for content, data in zip(contents, found, strict=True)
    ]


def _error(outcome: Content | LabelmillError) -> LabelmillError | None:
    return outcome if isinstance(outcome, LabelmillError) else None
