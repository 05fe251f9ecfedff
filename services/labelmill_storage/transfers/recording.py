"""Records drafts of many uploads with one transaction: those that arrive while one is being committed share the next.

A commit waits for the disk, and SQLite has one writer: a commit for each upload would be the limit of all small ones.
"""

from __future__ import annotations

import asyncio

from labelmill_storage.assets import Asset, Draft, Recorded
from labelmill_storage.ports import AssetRecords

_AT_MOST = 200
"""Drafts of one transaction: while it lasts, no other writer gets its turn."""

Waiting = tuple[Draft, "asyncio.Future[Recorded]"]


class Recorder:
    """Gathers drafts by project; each gets an outcome of its own, once it is durable."""

    def __init__(self, records: AssetRecords) -> None:
        self._records = records
        self._waiting: dict[str, list[Waiting]] = {}
        self._writers: dict[str, asyncio.Task[None]] = {}

    async def add(self, draft: Draft) -> Asset:
        """Records a draft. Raises what `AssetWriter.add` says."""
        outcome: asyncio.Future[Recorded] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(draft.project, []).append((draft, outcome))
        if draft.project not in self._writers:
            self._writers[draft.project] = asyncio.create_task(self._write_all(draft.project))
        return (await outcome).asset

    async def _write_all(self, project: str) -> None:
        batch: list[Waiting] = []
        try:
            while waiting := self._waiting.get(project):
                batch, self._waiting[project] = waiting[:_AT_MOST], waiting[_AT_MOST:]
                await self._write(batch)
        finally:
            del self._writers[project]
            for _, outcome in [*batch, *self._waiting.pop(project, [])]:
                outcome.cancel()  # those that have an outcome keep it; the others' service is ending

    async def _write(self, batch: list[Waiting]) -> None:
        try:
            async with self._records.writing() as writer:
                results = await writer.add([draft for draft, _ in batch])
        except Exception as error:  # whatever it is, it belongs to those who wait
            if len(batch) == 1:
                _settle(batch[0], error)
                return
            for one in batch:  # of one of them maybe, which must not fail the others
                await self._write([one])
            return
        for waiting, result in zip(batch, results, strict=True):
            _settle(waiting, result)


def _settle(waiting: Waiting, result: Recorded | Exception) -> None:
    _, outcome = waiting
    if outcome.done():
        return  # the caller has left
    if isinstance(result, Exception):
        outcome.set_exception(result)
    else:
        outcome.set_result(result)
