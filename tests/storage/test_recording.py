"""Many uploads at once share transactions, and each has an outcome of its own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import cast

import pytest

from labelmill_runtime.errors import Aborted, LabelmillError, NotFound
from labelmill_storage.assets import Asset, Content, Draft, Recorded
from labelmill_storage.ports import AssetRecords
from labelmill_storage.transfers.recording import Recorder

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def draft(number: int, project: str = "news") -> Draft:
    return Draft(project, f"{number:032x}", Content(f"{number:064x}", 1, "text/plain"))


class SlowRecords:
    """Commits slowly; a draft 13 is refused, a draft 99 spoils its whole transaction."""

    def __init__(self) -> None:
        self.committed: list[list[str]] = []

    @asynccontextmanager
    async def writing(self) -> AsyncIterator["SlowRecords"]:
        self._batch: list[str] = []
        yield self
        await asyncio.sleep(0.01)
        self.committed.append(self._batch)

    async def add(self, drafts: Sequence[Draft]) -> list[Recorded | LabelmillError]:
        assert len({draft.project for draft in drafts}) == 1
        if any(draft.id == f"{99:032x}" for draft in drafts):
            raise Aborted("CONTENT_REMOVED_MEANWHILE", "gone")
        self._batch = [draft.id for draft in drafts]
        return [
            NotFound("REFUSED", "no")
            if one.id == f"{13:032x}"
            else Recorded(Asset(one.project, one.id, one.raw, NOW, NOW), already_existed=False)
            for one in drafts
        ]


async def test_those_that_wait_share_a_transaction() -> None:
    records = SlowRecords()
    recorder = Recorder(cast("AssetRecords", records))
    assets = await asyncio.gather(*(recorder.add(draft(number)) for number in range(20, 50)))
    assert [asset.id for asset in assets] == [draft(number).id for number in range(20, 50)]
    assert len(records.committed) <= 2
    assert (await recorder.add(draft(50))).id == draft(50).id  # it goes on after a pause


async def test_each_has_its_own_outcome() -> None:
    records = SlowRecords()
    recorder = Recorder(cast("AssetRecords", records))
    outcomes = await asyncio.gather(*(recorder.add(draft(n)) for n in (1, 13, 99, 2)), return_exceptions=True)
    reasons = [outcome.reason if isinstance(outcome, LabelmillError) else "" for outcome in outcomes]
    assert reasons == ["", "REFUSED", "CONTENT_REMOVED_MEANWHILE", ""]


async def test_projects_do_not_share() -> None:
    records = SlowRecords()
    recorder = Recorder(cast("AssetRecords", records))
    assets = await asyncio.gather(*(recorder.add(draft(n, project)) for n in range(3) for project in ("news", "other")))
    assert {asset.project for asset in assets} == {"news", "other"}


async def test_caller_who_leaves_does_not_disturb_the_others() -> None:
    records = SlowRecords()
    recorder = Recorder(cast("AssetRecords", records))
    leaving, staying = (asyncio.create_task(recorder.add(draft(n))) for n in (1, 2))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await staying).id == draft(2).id
    with pytest.raises(asyncio.CancelledError):
        await leaving
