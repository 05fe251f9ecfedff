"""The way from RAW to CLEAN: by receipt, and only by receipt."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labelmill_runtime.errors import LabelmillError
from labelmill_storage import content, receipts
from labelmill_storage.assets import Asset, AssetNotFound, Recorded, Zone
from labelmill_storage.ports import (
    AssetRecords,
    AssetWriter,
    ObjectKey,
    ObjectStore,
    ProjectDirectory,
    TrustedKeys,
)
from labelmill_storage.receipts import Admission, Receipt


@dataclass(frozen=True, slots=True)
class Item:
    """A clean content with its proof."""

    content: bytes
    receipt: Receipt


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
    ) -> None:
        self._objects = objects
        self._records = records
        self._projects = projects
        self._keys = keys
        self._limit = max_asset_bytes

    async def prepare(self, project: str, items: Sequence[Item]) -> Prepared:
        """Checks a batch item by item and stores the clean contents of the good ones."""
        await self._projects.require(project)
        wanted = [item.receipt.asset.rpartition("/")[2] for item in items]
        assets = await self._records.get_many(project, wanted)
        outcomes = await asyncio.to_thread(self._check_all, project, items, assets)
        new = {
            ObjectKey(Zone.CLEAN, project, outcome.clean.sha256): item.content
            for outcome, item in zip(outcomes, items, strict=True)
            if isinstance(outcome, Admission)
        }
        await self._records.about_to_write(list(new))
        await self._objects.put_many(new)
        return outcomes

    async def record(self, writer: AssetWriter, project: str, prepared: Prepared) -> list[Recorded | LabelmillError]:
        """Records what `prepare` stored, all in the writer's transaction."""
        admitted = iter(await writer.admit(project, [a for a in prepared if isinstance(a, Admission)]))
        return [next(admitted) if isinstance(outcome, Admission) else outcome for outcome in prepared]

    def _check_all(
        self, project: str, items: Sequence[Item], assets: Mapping[str, Asset]
    ) -> list[Admission | LabelmillError]:
        outcomes: list[Admission | LabelmillError] = []
        for item in items:
            try:
                outcomes.append(self._check(project, item, assets))
            except LabelmillError as error:
                outcomes.append(error)
        return outcomes

    def _check(self, project: str, item: Item, assets: Mapping[str, Asset]) -> Admission:
        receipt = item.receipt
        asset_id = receipts.check_names(receipt, project)
        holds = self._keys.verify(receipt.signing_key_id, receipt.signed, receipt.signature)
        receipts.check_signature(holds)
        asset = assets.get(asset_id)
        if asset is None:
            raise AssetNotFound(receipt.asset)
        # Redacting everything leaves nothing: an empty clean content is a result like any other.
        clean = content.inspect(item.content, asset.raw.media_type, self._limit, may_be_empty=True)
        receipts.check_hashes(receipt, asset, clean)
        return Admission(receipt, asset_id, clean)
