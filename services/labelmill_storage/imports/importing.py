"""Imports: what is new in a source becomes assets, batch by batch, each remembered in the transaction that records it.

While one batch is recorded, the next ones are read and stored, and the source is listed further. Killed anywhere, an
import goes on: what is remembered since its start is its own and is not counted twice. Nothing that has not changed is
opened or written about.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from labelmill_runtime.errors import Aborted, LabelmillError, Unavailable
from labelmill_storage.assets import AssetIds, Draft
from labelmill_storage.imports import patience
from labelmill_storage.imports.overlapping import mapped
from labelmill_storage.imports.patience import passes, patiently
from labelmill_storage.imports.ports import (
    Counts,
    Found,
    Hold,
    ImportRecords,
    ItemState,
    Known,
    Listed,
    Loaded,
    Outcome,
    Run,
    SourcePlaces,
    SourceReader,
    SourceRecords,
)
from labelmill_storage.imports.sources import Manifest, Source
from labelmill_storage.ports import AssetRecords
from labelmill_storage.transfers.ingest import Header, Ingest, Item

SMALL_BYTES = 1024 * 1024
"""Items up to this size are read as a whole, many at once; larger ones stream."""

_BATCH_ITEMS = 500
_AT_ONCE = 3
"""Batches that are read and stored while one is recorded."""
_BATCH_BYTES = 16 * 1024 * 1024
_MAX_EXTERNAL_ID = 1024
_MAX_FINGERPRINT = 128


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is."""

    total: int
    """0 while it is not known."""
    counts: Counts
    new_failures: Sequence[tuple[str, LabelmillError]] = ()
    """(key hash, why) of items that have failed since the last report."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be imported, and how."""

    source: Source
    operation: str
    after_cursor: bool
    """Only what the source lists after the cursor."""
    retry_failed: bool


Report = Callable[[Progress], Awaitable[None]]


class Importer:
    """Runs imports."""

    def __init__(
        self,
        ingest: Ingest,
        assets: AssetRecords,
        sources: SourceRecords,
        items: ImportRecords,
        places: SourcePlaces,
        ids: AssetIds,
    ) -> None:
        self.ingest = ingest
        self.assets = assets
        self.sources = sources
        self.items = items
        self.places = places
        self.ids = ids

    async def run(self, order: Order, report: Report, hold: Hold) -> Counts:
        """Imports, or goes on with an import; raises what the source's reader does, and errors that did not pass."""
        run = await self.sources.run_of(order.source, order.operation)
        if not order.after_cursor:
            run.counts.unchanged = 0  # they are looked through again from the beginning
        reader = self.places.reader(order.source)
        work = _Import(self, order, reader, run, report, hold)
        try:
            await work.run()
        except LabelmillError:
            await self.sources.end(order.source, work.done, hold)
            raise
        finally:
            await reader.close()
        await self.sources.end(order.source, work.done, hold)
        return work.done.counts


@dataclass(slots=True)
class _Work:
    """An item that is to be imported, on its way."""

    found: Found
    key_hash: str
    attempts: int
    fingerprint: str
    content: bytes | LabelmillError | None = None
    is_large: bool = False


@dataclass(slots=True)
class _Batch:
    """Items on their way together."""

    works: list[_Work]
    unchanged: int = 0
    cursor: str = ""
    prepared: list[Draft | LabelmillError] = field(default_factory=list)


class _Import:
    """One import on its way."""

    def __init__(
        self, importer: Importer, order: Order, reader: SourceReader, run: Run, report: Report, hold: Hold
    ) -> None:
        self._by = importer
        self._order = order
        self._source = order.source
        self._reader = reader
        self.done = run
        self._report = report
        self._hold = hold
        self._still_failed: set[str] = set()
        """Dead letters that the source still holds as they were."""

    async def run(self) -> None:
        total = await patiently(self._reader.count)
        await self._report(Progress(total, self.done.counts))
        stored = mapped(self._changed(), self._bring_in, _AT_ONCE)
        async with aclosing(stored):
            async for batch in stored:
                failures = await self._record(batch)
                await self._report(Progress(total, self.done.counts, failures))
        if not self._order.after_cursor:
            await self._forget_gone()

    async def _changed(self) -> AsyncGenerator[_Batch, None]:
        """What is new, in batches of which none is too large."""
        async with aclosing(self._listing()) as listing:
            async for listed in listing:
                for batch in await self._compared(listed):
                    yield batch

    async def _listing(self) -> AsyncGenerator[Listed, None]:
        if self._order.after_cursor and self._order.retry_failed:
            async for listed in self._dead_letters():
                yield listed
        cursor = self._source.cursor if self._order.after_cursor else ""
        pauses, can_go_on = list(patience.PAUSES_S), True
        while True:
            try:
                async with aclosing(self._reader.listing(cursor)) as listing:
                    async for listed in listing:
                        cursor, pauses, can_go_on = listed.cursor, list(patience.PAUSES_S), bool(listed.cursor)
                        yield listed
                return
            except Unavailable:
                if not pauses or not can_go_on:
                    raise
                await asyncio.sleep(pauses.pop(0))

    async def _dead_letters(self) -> AsyncGenerator[Listed, None]:
        after = ""
        while letters := await self._by.items.dead_letters(self._source, after, _BATCH_ITEMS):
            after, keys = letters[-1].key_hash, [letter.key for letter in letters]
            found = await patiently(lambda keys=keys: self._reader.find(keys))  # type: ignore[misc]
            there = {item.key for item in found}
            gone = [letter.key_hash for letter in letters if letter.key not in there]
            if gone:
                await self._by.items.forget(self._source, gone, self._hold)
            yield Listed(found)

    async def _forget_gone(self) -> None:
        """Forgets dead letters that the source does not hold any more; assets stay, and so does their memory."""
        after = ""
        while letters := await self._by.items.dead_letters(self._source, after, _BATCH_ITEMS):
            after = letters[-1].key_hash
            old = [letter.key_hash for letter in letters if letter.update_time_us < self.done.start_time_us]
            gone = [key_hash for key_hash in old if key_hash not in self._still_failed]
            if gone:
                await self._by.items.forget(self._source, gone, self._hold)

    async def _compared(self, listed: Listed) -> list[_Batch]:
        hashes = [self._key_hash(found.identity) for found in listed.items]
        known = await self._by.items.known(self._source, hashes)
        works, unchanged = [], 0
        for found, key_hash in zip(listed.items, hashes, strict=True):
            before, fingerprint = known.get(key_hash), self._fingerprint(found.fingerprint)
            if before is None:
                works.append(_Work(found, key_hash, 1, fingerprint))
            elif before.update_time_us >= self.done.start_time_us:
                continue  # this import did it, before it was interrupted
            elif before.fingerprint != fingerprint or self._tries_again(before):
                works.append(_Work(found, key_hash, before.attempts + 1, fingerprint))
            else:
                unchanged += 1
                if before.state is ItemState.FAILED:
                    self._still_failed.add(key_hash)
        batches = [_Batch(part) for part in _parts(works)] or [_Batch([])]
        batches[-1].unchanged, batches[-1].cursor = unchanged, listed.cursor
        return batches

    def _tries_again(self, before: Known) -> bool:
        return before.state is ItemState.FAILED and self._order.retry_failed

    async def _bring_in(self, batch: _Batch) -> _Batch:
        """Reads and stores a batch."""
        good = [work for work in batch.works if work.found.fault is None]
        for work, it in zip(good, await patiently(lambda: self._load(good)), strict=True):
            work.content, work.is_large = it.content, it.is_large
            work.fingerprint = self._fingerprint(it.fingerprint) if it.fingerprint else work.fingerprint
        # What is not there any more is nobody's failure.
        batch.works = [w for w in batch.works if w.found.fault or w.is_large or w.content is not None]
        await patiently(lambda: self._store(batch))
        return batch

    async def _load(self, works: Sequence[_Work]) -> list[Loaded]:
        loaded = await self._reader.load([work.found for work in works]) if works else []
        for it in loaded:
            if isinstance(it.content, LabelmillError) and passes(it.content):
                raise it.content
        return loaded

    async def _store(self, batch: _Batch) -> None:
        """Stores the contents of a batch; safe to repeat."""
        items = [self._item(work) for work in batch.works if isinstance(work.content, bytes)]
        small = iter(await self._by.ingest.prepare(self._source.project, items) if items else ())
        batch.prepared = []
        for work in batch.works:
            if work.found.fault is not None:
                batch.prepared.append(work.found.fault)
            elif isinstance(work.content, LabelmillError):
                batch.prepared.append(work.content)
            else:
                batch.prepared.append(await self._store_large(work) if work.is_large else next(small))

    async def _store_large(self, work: _Work) -> Draft | LabelmillError:
        said = self._item(work)
        header = Header(
            self._source.project,
            said.media_type,
            said.external_id,
            said.labels,
            size_bytes=work.found.size_bytes,
            subject=said.subject,
        )
        try:
            return await self._by.ingest.store(header, self._reader.pieces(work.found))
        except LabelmillError as error:
            if passes(error):
                raise
            return error

    def _item(self, work: _Work) -> Item:
        found = work.found
        return Item(
            work.content if isinstance(work.content, bytes) else b"",
            found.media_type,
            (found.external_id or found.key)[-_MAX_EXTERNAL_ID:],
            {**self._source.labels, **found.labels},
            found.subject,
        )

    async def _record(self, batch: _Batch) -> list[tuple[str, LabelmillError]]:
        """Records a batch; returns the new dead letters."""
        if not batch.works and not (self._order.after_cursor and batch.cursor):
            self.done.counts.unchanged += batch.unchanged
            return []
        for pause in (*patience.PAUSES_S, None):
            try:
                recorded = await self._try_to_record(batch)
                break
            except (Unavailable, Aborted):  # an object may have gone meanwhile: then it is stored again
                if pause is None:
                    raise
                await asyncio.sleep(pause)
                await patiently(lambda: self._store(batch))
        self.done, passing, failures = recorded
        if passing is not None:
            raise passing
        return failures

    async def _try_to_record(
        self, batch: _Batch
    ) -> tuple[Run, LabelmillError | None, list[tuple[str, LabelmillError]]]:
        counts, outcomes = replace(self.done.counts), list[Outcome]()
        passing: LabelmillError | None = None
        failures: list[tuple[str, LabelmillError]] = []
        async with self._by.items.writing(self._hold) as transaction:
            results = await self._by.ingest.record(self._by.assets.writer(transaction), batch.prepared)
            for work, result in zip(batch.works, results, strict=True):
                if isinstance(result, LabelmillError) and passes(result):
                    passing = passing or result
                    continue
                outcome = Outcome(work.key_hash, work.found.key, work.fingerprint, work.attempts)
                if isinstance(result, LabelmillError):
                    counts.failed += 1
                    failures.append((work.key_hash, result))
                    outcome = replace(outcome, error=result)
                else:
                    counts.created += not result.already_existed
                    counts.already_existed += result.already_existed
                    counts.read_bytes += result.asset.raw.size_bytes
                    outcome = replace(outcome, asset_id=result.asset.id)
                outcomes.append(outcome)
            counts.unchanged += batch.unchanged
            run = replace(self.done, counts=counts)
            moves_on = self._order.after_cursor or batch.cursor > self._source.cursor
            cursor = batch.cursor if passing is None and moves_on else ""
            await self._by.items.save(transaction, self._source, outcomes, run, cursor)
        return run, passing, failures

    def _key_hash(self, identity: bytes) -> str:
        # Keyed, as asset ids are: from a hash nobody can tell whether a file of some name is there.
        return self._by.ids.of(self._source.project, hashlib.sha256(identity).hexdigest())

    def _fingerprint(self, fingerprint: str) -> str:
        # That of a row is a hash of its content, which must not be known from the database after an erasure.
        if isinstance(self._source.place, Manifest):
            return self._by.ids.of(self._source.project, fingerprint)
        if len(fingerprint) > _MAX_FINGERPRINT:  # ETags may be anything
            return hashlib.sha256(fingerprint.encode()).hexdigest()
        return fingerprint


def _parts(works: Sequence[_Work]) -> Iterator[list[_Work]]:
    part: list[_Work] = []
    size = 0
    for work in works:
        more = work.found.size_bytes if work.found.size_bytes <= SMALL_BYTES else 0
        if part and (len(part) == _BATCH_ITEMS or size + more > _BATCH_BYTES):
            yield part
            part, size = [], 0
        part.append(work)
        size += more
    if part:
        yield part
