"""A stream of rows: gathered for a moment, stored and recorded together, answered one by one in their order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from labelmill_runtime.errors import Aborted, InvalidArgument, LabelmillError
from labelmill_storage.assets import Recorded
from labelmill_storage.ports import AssetRecords
from labelmill_storage.transfers.ingest import Ingest, Item

_MAX_ROWS = 256
_MAX_BYTES = 8 * 1024 * 1024
_WAIT_S = 0.05
_ATTEMPTS = 3


class RowSequence(InvalidArgument):
    """The messages of a stream of rows came in an order that has no meaning."""

    def __init__(self, problem: str) -> None:
        super().__init__("UPLOAD_SEQUENCE", f"A stream of rows is a header, then rows; {problem}.")


@dataclass(frozen=True, slots=True)
class Header:
    """What a stream of rows begins with."""

    project: str
    labels: Mapping[str, str] = field(default_factory=dict)


Part = Header | Item


class RowImport:
    """Takes streams of rows."""

    def __init__(self, ingest: Ingest, records: AssetRecords) -> None:
        self._ingest = ingest
        self._records = records

    async def begin(self, parts: AsyncIterator[Part]) -> Header:
        """The header, which must come first."""
        header = await anext(parts, None)
        if not isinstance(header, Header):
            raise RowSequence("the first message is not a header")
        return header

    async def results(
        self, header: Header, parts: AsyncIterator[Part]
    ) -> AsyncIterator[Sequence[Recorded | LabelmillError]]:
        """What became of the rows, batch by batch, once it is durable; of what comes meanwhile one row is read."""
        async for batch in _gathered(parts):
            rows: list[Item] = []
            for part in batch:
                if isinstance(part, Header):
                    break
                rows.append(replace(part, labels={**header.labels, **part.labels}) if header.labels else part)
            if rows:
                yield await self._create(header.project, rows)
            if len(rows) < len(batch):
                raise RowSequence("a second header came")

    async def _create(self, project: str, rows: Sequence[Item]) -> Sequence[Recorded | LabelmillError]:
        for attempt in range(1, _ATTEMPTS + 1):
            prepared = await self._ingest.prepare(project, rows)
            try:
                async with self._records.writing() as writer:
                    return await self._ingest.record(writer, prepared)
            except Aborted:  # equal content was removed meanwhile
                if attempt == _ATTEMPTS:
                    raise
        raise AssertionError("unreachable")


async def _gathered(parts: AsyncIterator[Part]) -> AsyncIterator[list[Part]]:
    """What comes within a moment of the first, up to a limit."""
    end: Any = object()
    loop, batch, size, until = asyncio.get_running_loop(), list[Part](), 0, 0.0
    coming: asyncio.Task[Any] = asyncio.create_task(_next(parts, end))
    try:
        while True:
            await asyncio.wait([coming], timeout=max(0.0, until - loop.time()) if batch else None)
            if coming.done():
                part = coming.result()
                if part is end:
                    break
                until = until if batch else loop.time() + _WAIT_S
                batch.append(part)
                size += len(part.content) if isinstance(part, Item) else 0
                coming = asyncio.create_task(_next(parts, end))  # one row is read ahead, no more
                if len(batch) < _MAX_ROWS and size < _MAX_BYTES:
                    continue
            yield batch
            batch, size = [], 0
        if batch:
            yield batch
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


async def _next(parts: AsyncIterator[Part], end: Any) -> Any:
    return await anext(parts, end)
