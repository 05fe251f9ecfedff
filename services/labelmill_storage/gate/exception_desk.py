"""Exceptions, step by step: copy the RAW contents into CLEAN, check them on the way, record them and why."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from labelmill_runtime.errors import DataLoss, LabelmillError
from labelmill_storage.assets import Asset, Recorded, Zone, asset_name
from labelmill_storage.contents.content import BLOCK_BYTES
from labelmill_storage.gate.exceptions import Copied, admissible, check_reason
from labelmill_storage.ports import (
    AssetRecords,
    AssetWriter,
    ObjectKey,
    ObjectStore,
    ProjectDirectory,
    key_of,
)
from labelmill_storage.transfers.blocks import ContentDamaged

_AT_ONCE_BYTES = 32 * 1024 * 1024
"""Contents of one block are copied together, as many as this holds."""


class ExceptionDesk:
    """Copies RAW contents into CLEAN and records why."""

    def __init__(self, objects: ObjectStore, records: AssetRecords, projects: ProjectDirectory) -> None:
        self._objects = objects
        self._records = records
        self._projects = projects

    async def prepare(self, project: str, reason: str, asset_ids: Sequence[str]) -> dict[str, Copied | LabelmillError]:
        """Copies what may be admitted, each content once, and never more in memory than a few blocks."""
        check_reason(reason)
        await self._projects.require(project)
        assets = await self._records.get_many(project, asset_ids)
        outcomes: dict[str, Copied | LabelmillError] = {}
        for asset_id in asset_ids:
            try:
                asset = admissible(assets.get(asset_id), asset_name(project, asset_id))
                outcomes[asset_id] = Copied(asset_id, replace(asset.raw, location=""))
            except LabelmillError as error:
                outcomes[asset_id] = error
        fitting = [assets[asset_id] for asset_id, outcome in outcomes.items() if isinstance(outcome, Copied)]
        keys = [ObjectKey(Zone.CLEAN, project, asset.raw.sha256) for asset in fitting]
        removals = await self._records.about_to_write(keys)
        for together in _groups(fitting):
            outcomes |= await self._copy_small(project, together)
        for asset in fitting:
            if asset.raw.size_bytes > BLOCK_BYTES:
                outcomes[asset.id] = await self._copy_large(project, asset)
        for key, asset in zip(keys, fitting, strict=True):
            copied = outcomes[asset.id]
            if isinstance(copied, Copied):
                outcomes[asset.id] = replace(copied, clean=replace(copied.clean, last_removal=removals[key]))
        return outcomes

    async def record(
        self,
        writer: AssetWriter,
        project: str,
        reason: str,
        asset_ids: Sequence[str],
        prepared: Mapping[str, Copied | LabelmillError],
    ) -> tuple[str, list[Recorded | LabelmillError]]:
        """Records what `prepare` copied, all in the writer's transaction.

        Returns:
            The exception's name, empty if it admitted nothing, and an outcome for each id.
        """
        copies = [outcome for outcome in prepared.values() if isinstance(outcome, Copied)]
        name, recorded = await writer.admit_by_exception(project, reason, copies)
        refused = {key: outcome for key, outcome in prepared.items() if not isinstance(outcome, Copied)}
        outcomes = {**recorded, **refused}
        return name, [outcomes[asset_id] for asset_id in asset_ids]

    async def _copy_small(self, project: str, assets: Sequence[Asset]) -> dict[str, LabelmillError]:
        found = await self._objects.read_many([key_of(Zone.RAW, project, asset.raw) for asset in assets])
        failed, sound = await asyncio.to_thread(_check, assets, found)
        await self._objects.put_many({ObjectKey(Zone.CLEAN, project, sha256): data for sha256, data in sound.items()})
        return failed

    async def _copy_large(self, project: str, asset: Asset) -> Copied | LabelmillError:
        source, target = key_of(Zone.RAW, project, asset.raw), ObjectKey(Zone.CLEAN, project, asset.raw.sha256)
        if await self._objects.exists(target):  # from a call that did not come to its end
            return Copied(asset.id, replace(asset.raw, location=""))
        digest = hashlib.sha256()
        try:
            async with self._objects.stage(Zone.CLEAN, project) as staged:
                for offset in range(0, asset.raw.size_bytes, BLOCK_BYTES):
                    block = await self._objects.read(source, offset, BLOCK_BYTES)
                    await asyncio.to_thread(digest.update, block)
                    await staged.write(block)
                if digest.hexdigest() != asset.raw.sha256:
                    raise ContentDamaged
                location = await staged.commit(target)
        except DataLoss as error:
            return error
        return Copied(asset.id, replace(asset.raw, location=location))


def _groups(assets: Sequence[Asset]) -> Iterator[list[Asset]]:
    group: list[Asset] = []
    room = _AT_ONCE_BYTES
    for asset in assets:
        if asset.raw.size_bytes > BLOCK_BYTES:
            continue
        if asset.raw.size_bytes > room:
            yield group
            group, room = [], _AT_ONCE_BYTES
        group.append(asset)
        room -= asset.raw.size_bytes
    if group:
        yield group


def _check(
    assets: Sequence[Asset], found: Sequence[bytes | LabelmillError]
) -> tuple[dict[str, LabelmillError], dict[str, bytes]]:
    """What failed, by asset id, and what is sound, by SHA-256."""
    failed: dict[str, LabelmillError] = {}
    sound: dict[str, bytes] = {}
    for asset, outcome in zip(assets, found, strict=True):
        if isinstance(outcome, LabelmillError):
            failed[asset.id] = outcome
        elif hashlib.sha256(outcome).hexdigest() != asset.raw.sha256:
            failed[asset.id] = ContentDamaged()
        else:
            sound[asset.raw.sha256] = outcome
    return failed, sound
