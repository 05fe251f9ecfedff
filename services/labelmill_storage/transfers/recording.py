"""Records drafts of many uploads with one transaction, once their objects are stored."""

from __future__ import annotations

from collections.abc import Sequence

from labelmill_runtime.errors import LabelmillError
from labelmill_storage.assets import Asset, Draft, Recorded
from labelmill_storage.gathering import Gathered
from labelmill_storage.ports import AssetRecords


class Recorder:
    """Gathers drafts by project; each gets an outcome of its own, once it is durable."""

    def __init__(self, records: AssetRecords) -> None:
        self._records = records
        self._drafts = Gathered(self._add)

    async def add(self, draft: Draft) -> Asset:
        """Records a draft. Raises what `AssetWriter.add` says."""
        outcome = await self._drafts.ask(draft.project, draft)
        if isinstance(outcome, LabelmillError):
            raise outcome
        return outcome.asset

    async def _add(self, _project: str, drafts: Sequence[Draft]) -> list[Recorded | LabelmillError]:
        async with self._records.writing() as writer:
            return await writer.add(drafts)
