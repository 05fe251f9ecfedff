"""CreateSnapshot: freezes which assets a dataset has, writes the manifest, makes the snapshot visible.

The snapshot's id is the operation's own ULID, so that whoever goes on after a crash makes the same snapshot and never a
second one. What is frozen is frozen in one statement and kept until the end; the manifest is then made from it anew.
An asset that is erased before the snapshot is there is in no manifest: it is written again without it.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import count

from labelmill.storage.v1 import datasets_service_pb2 as pb
from labelmill_runtime.errors import Aborted
from labelmill_runtime.operations import OperationContext
from labelmill_storage.convert import datasets as convert
from labelmill_storage.datasets import splitting
from labelmill_storage.datasets.datasets import DatasetKey, parse_dataset
from labelmill_storage.datasets.ports import Manifests, SnapshotRecords
from labelmill_storage.datasets.snapshots import Frozen, Lineage, Row, Snapshot, SnapshotKey, Totals, parse_base
from labelmill_storage.datasets.splitting import InvalidBase, Split, Splitter
from labelmill_storage.ports import AssetRecords

KIND = "create_snapshot"
_PAGE_ASSETS = 2048  # what is done with a page holds up the loop for some 30 ms
_ATTEMPTS = 3


@dataclass(frozen=True)
class CreateSnapshot:
    """Runs the operation; see the module."""

    snapshots: SnapshotRecords
    manifests: Manifests
    records: AssetRecords

    async def check(self, request: pb.CreateSnapshotRequest) -> None:
        """Refuses, before anything begins, what could not end well."""
        dataset = parse_dataset(request.parent, field="parent")
        split = convert.split(request.split) if request.HasField("split") else None
        if split is not None:
            splitting.check(split)
        await self.snapshots.check(dataset, clean_only=request.clean_only)
        await self._base(dataset, split, request.lineage.base_snapshot)

    async def run(self, context: OperationContext, request: pb.CreateSnapshotRequest) -> pb.Snapshot:
        """Runs, or goes on after a crash."""
        dataset = parse_dataset(request.parent, field="parent")
        key = SnapshotKey(dataset, context.name.rpartition("-")[2].upper())
        made = await self.snapshots.find(key)
        try:
            return convert.snapshot(made or await self._make(context, key, request))
        except BaseException as error:
            if isinstance(error, Exception) or context.cancelled():  # else another process goes on
                await self.snapshots.discard(key)
            raise

    async def _make(self, context: OperationContext, key: SnapshotKey, request: pb.CreateSnapshotRequest) -> Snapshot:
        frozen_count = await self.snapshots.freeze(key, clean_only=request.clean_only, hold=context.hold)
        create_time = convert.now() if not context.checkpoint else convert.time(context.checkpoint["create_time_us"])
        metadata = pb.CreateSnapshotMetadata.FromString(context.metadata.SerializeToString())
        metadata.progress.total_count, metadata.progress.stage = frozen_count, "dividing"
        await context.progress(metadata, {"create_time_us": convert.microseconds(create_time)})
        split = convert.split(request.split) if request.HasField("split") else None
        splitter = await self._splitter(key, split, request.lineage.base_snapshot)
        for attempt in count(1):
            making = _Making(self, context, key, splitter, metadata)
            snapshot = await self._written(making, split, convert.lineage(request.lineage), create_time)
            try:
                return await self.snapshots.record(snapshot, frozen_count, context.hold)
            except Aborted:
                if attempt == _ATTEMPTS:
                    raise
        raise AssertionError

    async def _written(self, making: _Making, split: Split | None, known: Lineage, create_time: datetime) -> Snapshot:
        """The snapshot with its manifest, which nobody can see yet."""
        key, totals = making.key, making.totals

        def origin() -> Lineage:
            return replace(known, policies=sorted(totals.policies), exceptions=sorted(totals.exceptions))

        manifest = await self.manifests.write(
            key.dataset.project,
            making.rows(),
            lambda: _described(key, split, origin()),
            self.records.about_to_write,
        )
        return Snapshot(
            key=key,
            content_sha256=manifest.content_sha256,
            manifest=manifest.file,
            asset_count=totals.asset_count,
            content_size_bytes=totals.content_size_bytes,
            split_counts=totals.split_counts,
            split=split,
            lineage=origin(),
            create_time=create_time,
        )

    async def _splitter(self, key: SnapshotKey, split: Split | None, base_name: str) -> Splitter | None:
        """The splitter, with all that it must know before the first asset."""
        base = await self._base(key.dataset, split, base_name)
        if split is None:
            return None
        splitter = Splitter(split)
        if base is not None:
            async for rows in self.manifests.rows(base):
                await self._keep(splitter, key.dataset.project, split, rows)
        if splitter.needs_survey:
            async for page in self.pages(key):
                for asset in page:
                    splitter.survey(asset.asset_id, asset.labels)
        return splitter

    async def _keep(self, splitter: Splitter, project: str, split: Split, rows: Sequence[Row]) -> None:
        ids = [row.asset.rpartition("/")[2] for row in rows]
        labels = await self.snapshots.labels(project, ids) if split.group_label else {}
        for asset_id, row in zip(ids, rows, strict=True):
            splitter.keep(asset_id, labels.get(asset_id, {}), row.split)

    async def _base(self, dataset: DatasetKey, split: Split | None, name: str) -> Snapshot | None:
        if not name:
            return None
        base = await self.snapshots.find(parse_base(name, dataset.project))
        if base is None:
            raise InvalidBase("there is no such snapshot")
        splitting.check_base(split, base.split, base.split_counts)
        return base

    async def pages(self, key: SnapshotKey) -> AsyncIterator[Sequence[Frozen]]:
        """What is frozen, page by page, in the order of asset ids."""
        after = ""
        while page := await self.snapshots.frozen(key, after, _PAGE_ASSETS):
            yield page
            after = page[-1].asset_id


class _Making:
    """One try at a manifest."""

    def __init__(
        self,
        job: CreateSnapshot,
        context: OperationContext,
        key: SnapshotKey,
        splitter: Splitter | None,
        metadata: pb.CreateSnapshotMetadata,
    ) -> None:
        self.totals = Totals()
        self._job = job
        self._context = context
        self.key = key
        self._splitter = splitter
        self._metadata = metadata

    async def rows(self) -> AsyncIterator[Sequence[Row]]:
        """The rows, counted, each in its part."""
        async for page in self._job.pages(self.key):
            rows = [self._placed(asset) for asset in page]
            for row in rows:
                self.totals.count(row)
            yield rows
            progress = self._metadata.progress
            progress.done_count, progress.stage = self.totals.asset_count, "writing"
            progress.update_time.FromNanoseconds(time.time_ns())
            await self._context.progress(self._metadata)

    def _placed(self, asset: Frozen) -> Row:
        if self._splitter is None:
            return asset.row
        return asset.row._replace(split=self._splitter.part_of(asset.asset_id, asset.labels))


def _described(key: SnapshotKey, split: Split | None, lineage: Lineage) -> Mapping[str, str]:
    """What a manifest says about itself."""
    described = {"labelmill.snapshot": key.name, "labelmill.lineage": json.dumps(asdict(lineage), sort_keys=True)}
    if split is not None:
        described["labelmill.split"] = json.dumps(asdict(split), sort_keys=True)
    return described
