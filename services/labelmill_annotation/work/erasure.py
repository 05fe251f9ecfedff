"""Erasing what is kept about assets, also from under a labeler's hands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from labelmill_annotation.errors import AssetNotFound
from labelmill_annotation.ports import Records
from labelmill_annotation.work.creation import Known


async def erase(records: Records, project: str, asset_ids: Sequence[str]) -> Mapping[str, int]:
    """Removes all that is kept about assets; how many of each kind.

    A task that is leased goes, too: its labeler finds TASK_NOT_FOUND. What labelers were given in all stays counted, so
    that benchmarks come as often as before.
    """
    await records.erasure.remember(project, asset_ids)
    await records.tasks.enter_lease(project, alone=True)  # nobody is being handed a task of the assets now
    return await records.erasure.remove(project, asset_ids)


async def without_erased(records: Records, project: str, known: Known, began_ms: int) -> Known:
    """What storage said about assets, but for those that were erased since it was asked."""
    erased = await records.erasure.since(project, list(known), began_ms)
    return {asset: AssetNotFound(project, asset) if asset in erased else facts for asset, facts in known.items()}
