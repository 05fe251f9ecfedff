"""The way from RAW to CLEAN: by receipt, and only by receipt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace

from labelmill_runtime.errors import LabelmillError
from labelmill_storage.assets import Asset, AssetNotFound, Recorded, Zone
from labelmill_storage.contents import content
from labelmill_storage.contents.describing import Describer
from labelmill_storage.gate import receipts
from labelmill_storage.gate.receipts import Admission, Receipt
from labelmill_storage.ports import (
    AssetRecords,
    AssetWriter,
    ObjectKey,
    ObjectStore,
    ProjectDirectory,
    TrustedKeys,
)
from labelmill_storage.transfers.ingest import Checksum, PartStream, UploadSequence, in_thread_if_long


@dataclass(frozen=True, slots=True)
class Item:
    """A clean content with its proof."""

    content: bytes
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Header:
    """What a streamed admission begins with."""

    project: str
    receipt: Receipt


Part = Header | bytes | Checksum
Prepared = Sequence[Admission | LabelmillError]
"""Admissions whose contents are stored, and errors, in the order of a batch's items."""


class AdmissionDesk:
    """Checks receipts, stores clean contents, records both."""

    def __init__(
        self,
        objects: ObjectStore,
        records: AssetRecords,
        projects: ProjectDirectory,
        keys: TrustedKeys,
        max_asset_bytes: int,
        describer: Describer,
    ) -> None:
        self._objects = objects
        self._records = records
        self._projects = projects
        self._keys = keys
        self._limit = max_asset_bytes
        self._describer = describer

    async def prepare(self, project: str, items: Sequence[Item]) -> Prepared:
        """Checks a batch item by item and stores the clean contents of the good ones."""
        await self._projects.require(project)
        wanted = [item.receipt.asset.rpartition("/")[2] for item in items]
        assets = await self._records.get_many(project, wanted)
        checked = await asyncio.to_thread(self._check_all, project, items, assets)
        described = await self._describer.describe_many([it[1] for it in checked], may_be_empty=True)
        outcomes = [
            clean if isinstance(clean, LabelmillError) else Admission(item.receipt, it[0], clean)
            for item, it, clean in zip(items, checked, described, strict=True)
        ]
        new = {
            ObjectKey(Zone.CLEAN, project, outcome.clean.sha256): item.content
            for outcome, item in zip(outcomes, items, strict=True)
            if isinstance(outcome, Admission)
        }
        removals = await self._records.about_to_write(list(new))
        await self._objects.put_many(new)
        return [_written(it, project, removals) if isinstance(it, Admission) else it for it in outcomes]

    async def record(self, writer: AssetWriter, project: str, prepared: Prepared) -> list[Recorded | LabelmillError]:
        """Records what `prepare` stored, all in the writer's transaction."""
        admitted = iter(await writer.admit(project, [a for a in prepared if isinstance(a, Admission)]))
        return [next(admitted) if isinstance(outcome, Admission) else outcome for outcome in prepared]

    async def admit(self, parts: AsyncIterator[Part]) -> Asset:
        """Takes one streamed clean content of any size; if it fails anywhere, nothing of it remains."""
        header = await anext(parts, None)
        if not isinstance(header, Header):
            raise UploadSequence("the first message is not a header")
        project, receipt = header.project, header.receipt
        await self._projects.require(project)
        asset_id = receipt.asset.rpartition("/")[2]
        assets = await self._records.get_many(project, [asset_id])
        asset = await asyncio.to_thread(self._check_receipt, project, receipt, assets)
        inspection = content.Inspection(asset.raw.media_type, self._limit)
        async with self._objects.stage(Zone.CLEAN, project) as staged:
            stream = PartStream(parts)
            async for data in stream.buffers():
                await in_thread_if_long(inspection.update, data)
                await staged.write(data)
            clean = await self._describer.describe(inspection, may_be_empty=True)
            stream.check_sum(clean)
            receipts.check_hashes(receipt, asset, clean)
            key = ObjectKey(Zone.CLEAN, project, clean.sha256)
            removals = await self._records.about_to_write([key])
            location = await staged.commit(key)
        admission = Admission(receipt, asset_id, replace(clean, location=location, last_removal=removals[key]))
        async with self._records.writing() as writer:
            (recorded,) = await writer.admit(project, [admission])
        if isinstance(recorded, LabelmillError):
            raise recorded
        return recorded.asset

    def _check_all(
        self, project: str, items: Sequence[Item], assets: Mapping[str, Asset]
    ) -> list[tuple[str, content.Inspection | LabelmillError]]:
        """Of each item its asset's id, and its inspection if there is nothing against it so far."""
        outcomes: list[tuple[str, content.Inspection | LabelmillError]] = []
        for item in items:
            try:
                outcomes.append(self._check(project, item, assets))
            except LabelmillError as error:
                outcomes.append(("", error))
        return outcomes

    def _check(self, project: str, item: Item, assets: Mapping[str, Asset]) -> tuple[str, content.Inspection]:
        receipt = item.receipt
        asset = self._check_receipt(project, receipt, assets)
        inspection = content.Inspection(asset.raw.media_type, self._limit)
        inspection.update(item.content)
        # Redacting everything leaves nothing: an empty clean content is a result like any other.
        receipts.check_hashes(receipt, asset, inspection.finish(may_be_empty=True))
        return asset.id, inspection

    def _check_receipt(self, project: str, receipt: Receipt, assets: Mapping[str, Asset]) -> Asset:
        """What a receipt tells by itself; reads key files."""
        asset_id = receipts.check_names(receipt, project)
        holds = self._keys.verify(receipt.signing_key_id, receipt.signed, receipt.signature)
        receipts.check_signature(holds)
        asset = assets.get(asset_id)
        if asset is None:
            raise AssetNotFound(receipt.asset)
        return asset


def _written(admission: Admission, project: str, removals: Mapping[ObjectKey, int]) -> Admission:
    removal = removals[ObjectKey(Zone.CLEAN, project, admission.clean.sha256)]
    return replace(admission, clean=replace(admission.clean, last_removal=removal))
