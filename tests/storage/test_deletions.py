"""Objects that are to go: they go, unless somebody needs them, whatever happens at the same time."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from labelmill_runtime.database import Database
from labelmill_runtime.errors import Aborted, FailedPrecondition, NotFound
from labelmill_runtime.settings import RuntimeSettings
from labelmill_storage.adapters.objects.local_files import LocalFiles
from labelmill_storage.adapters.sql import sql_deletions
from labelmill_storage.adapters.sql.project_lock import lock_project
from labelmill_storage.adapters.sql.sql_assets import SqlRecords
from labelmill_storage.adapters.sql.sql_erasure_work import SqlErasureWork
from labelmill_storage.adapters.sql.tables import StorageTables, storage_tables
from labelmill_storage.adapters.sweepers.deletion_sweeper import DeletionSweeper
from labelmill_storage.adapters.sweepers.orphan_sweeper import OrphanSweeper
from labelmill_storage.assets import AssetIds, Content, Draft, Recorded, Zone
from labelmill_storage.lifecycle.erasure import ContentErased
from labelmill_storage.ports import ObjectKey, ObjectMissing, ObjectStore
from labelmill_storage.selection import Selected

PROJECT = "news"
IDS = AssetIds(b"s" * 32)


def written(draft: Draft, removals: Mapping[ObjectKey, int]) -> Draft:
    """The draft with what was known of its object before it was written."""
    (removal,) = removals.values()
    return replace(draft, raw=replace(draft.raw, last_removal=removal))


class World:
    """A database, an object store, and what works on both."""

    def __init__(self, database: Database, tables: StorageTables, objects: ObjectStore) -> None:
        self.database, self.tables, self.objects = database, tables, objects
        self.records = SqlRecords(database, tables)
        self.sweeper = DeletionSweeper(database, tables, objects, IDS)
        self.erasures = SqlErasureWork(database, tables, IDS)

    async def ingest(self, number: int) -> str:
        """Stores and records a content, as an upload does."""
        data = f"content {number}".encode()
        draft = written(draft_of(number), await self.records.about_to_write([key_of(number)]))
        await self.objects.put_many({key_of(number): data})
        async with self.records.writing() as writer:
            (recorded,) = await writer.add([draft])
        if isinstance(recorded, Exception):
            raise recorded
        return recorded.asset.id

    async def remove(self, number: int) -> None:
        """Removes the records of a content, as an erasure does, and lets it come in again."""
        known = await self.records.get(PROJECT, draft_of(number).id)
        if known is None:
            return
        async with self.database.transaction() as session:
            case, _ = await self.erasures.begin(session, PROJECT, Selected([known.id]), "because of a test")
        await self.erasures.erase_batch(case, nobody)
        async with self.database.transaction() as session:
            await lock_project(session, PROJECT)
            erasures = self.tables.erasures
            await session.execute(update(erasures).where(erasures.c.erasure_id == case.id).values(complete_time_us=1))
            await self.erasures.allow(session, PROJECT, Selected([known.id]), "because of a test")

    async def request(self, *keys: ObjectKey) -> None:
        async with self.database.transaction() as session:
            await lock_project(session, PROJECT)
            await sql_deletions.request(session, self.tables, keys)

    async def waiting(self) -> list[tuple[str, int | None]]:
        table = self.tables.deletions.c
        async with self.database.reading() as session:
            return [
                (row.path, row.done_time_us) for row in await session.execute(select(table.path, table.done_time_us))
            ]


async def nobody(_session: object) -> None:
    """Nothing holds the transaction."""


def sha256_of(number: int) -> str:

    return hashlib.sha256(f"content {number}".encode()).hexdigest()


def key_of(number: int) -> ObjectKey:
    return ObjectKey(Zone.RAW, PROJECT, sha256_of(number))


def draft_of(number: int) -> Draft:
    content = Content(sha256_of(number), len(f"content {number}"), "text/plain")
    return Draft(PROJECT, IDS.of(PROJECT, sha256_of(number)), content)


@pytest.fixture
async def world(both_settings: RuntimeSettings, tmp_path: Path) -> AsyncIterator[World]:
    tables = storage_tables()
    database = await Database.open(both_settings, "storage", tables.metadata)
    objects = LocalFiles(tmp_path / "objects")
    yield World(database, tables, objects)
    await objects.close()
    await database.close()


async def test_what_nobody_needs_goes_and_what_somebody_needs_stays(world: World) -> None:
    await world.ingest(1)
    await world.objects.put_many({key_of(2): b"content 2"})
    await world.request(key_of(1), key_of(2))
    assert await world.sweeper.sweep(PROJECT) == 1
    assert await world.objects.exists(key_of(1))
    assert not await world.objects.exists(key_of(2))
    ((path, done),) = await world.waiting()
    assert path == key_of(2).path
    assert done is not None
    assert done > sql_deletions.GOING


async def test_a_writer_whose_object_went_in_between_is_told_and_succeeds_again(world: World) -> None:
    await world.request(key_of(1))
    await world.records.about_to_write([key_of(1)])
    await world.objects.put_many({key_of(1): b"content 1"})
    await world.sweeper.sweep(PROJECT)
    with pytest.raises(Aborted) as refusal:
        async with world.records.writing() as writer:
            await writer.add([draft_of(1)])
    assert refusal.value.reason == "CONTENT_REMOVED_MEANWHILE"
    assert await world.ingest(1) == draft_of(1).id
    assert await world.objects.read(key_of(1), 0, 100) == b"content 1"


async def test_recording_takes_back_what_was_to_go(world: World) -> None:
    await world.records.about_to_write([key_of(1)])
    await world.objects.put_many({key_of(1): b"content 1"})
    await world.request(key_of(1))
    async with world.records.writing() as writer:
        await writer.add([draft_of(1)])
    assert await world.waiting() == []
    assert await world.sweeper.sweep(PROJECT) == 0
    assert await world.objects.exists(key_of(1))


async def test_a_sweeper_that_dies_while_it_removes_leaves_nobody_with_a_lost_object(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.records.about_to_write([key_of(1)])
    await world.objects.put_many({key_of(1): b"content 1"})
    await world.request(key_of(1))

    async def remove_and_die(zone: Zone, paths: list[str]) -> None:
        await LocalFiles.remove_many(world.objects, zone, paths)  # type: ignore[arg-type]
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(world.objects, "remove_many", remove_and_die)
        with pytest.raises(RuntimeError, match="killed"):
            await world.sweeper.sweep(PROJECT)
    assert await world.waiting() == [(key_of(1).path, sql_deletions.GOING)]
    with pytest.raises(Aborted):
        async with world.records.writing() as writer:
            await writer.add([draft_of(1)])
    assert await world.sweeper.sweep(PROJECT) == 1
    assert await world.ingest(1) == draft_of(1).id


async def test_a_writer_waits_while_an_object_is_going(world: World) -> None:
    await world.request(key_of(1))
    async with world.database.transaction() as session:
        going = update(world.tables.deletions).values(done_time_us=sql_deletions.GOING)
        await session.execute(going)
    writing = asyncio.create_task(world.ingest(1))
    await asyncio.sleep(0.05)
    assert not await world.objects.exists(key_of(1))
    await world.sweeper.sweep(PROJECT)
    assert await writing == draft_of(1).id
    assert await world.objects.exists(key_of(1))


async def test_a_writer_that_comes_after_the_removal_does_not_hide_it_from_those_that_came_before(world: World) -> None:
    await world.records.about_to_write([key_of(1)])
    await world.objects.put_many({key_of(1): b"content 1"})
    await world.request(key_of(1))
    await world.sweeper.sweep(PROJECT)
    removals = await world.records.about_to_write([key_of(1)])  # the later one asks, and has not written yet
    with pytest.raises(Aborted):
        async with world.records.writing() as writer:
            await writer.add([draft_of(1)])
    await world.objects.put_many({key_of(1): b"content 1"})
    async with world.records.writing() as writer:
        (recorded,) = await writer.add([written(draft_of(1), removals)])
    assert isinstance(recorded, Recorded)
    assert await world.objects.read(key_of(1), 0, 100) == b"content 1"


async def test_a_refused_writer_does_not_hide_a_removal_from_those_that_came_before(world: World) -> None:
    """A writer whose draft is refused asks for the removal of what it wrote, which may be gone already."""
    removals = await world.records.about_to_write([key_of(1)])
    await world.objects.put_many({key_of(1): b"content 1"})
    await world.request(key_of(1))
    await world.sweeper.sweep(PROJECT)
    await world.request(key_of(1))
    with pytest.raises(Aborted) as refusal:
        async with world.records.writing() as writer:
            await writer.add([written(draft_of(1), removals)])
    assert refusal.value.reason == "CONTENT_REMOVED_MEANWHILE"
    assert await world.ingest(1) == draft_of(1).id
    ((_, done),) = await world.waiting()  # taken back, and the removal before is not forgotten
    assert done is not None
    assert done > sql_deletions.GOING
    assert await world.sweeper.sweep(PROJECT) == 0
    assert await world.objects.read(key_of(1), 0, 100) == b"content 1"


async def test_no_record_is_ever_without_its_object(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uploads and removals of the same few contents, and two sweepers, all at once."""
    monkeypatch.setattr(sql_deletions, "_WAIT_S", 0.005)
    until, outcomes = time.monotonic() + 2.5, {"ingested": 0, "refused": 0, "removed": 0}

    async def ingesting(first: int) -> None:
        number = first
        while time.monotonic() < until:
            number = (number + 1) % 4
            try:
                await world.ingest(number)
                outcomes["ingested"] += 1
            except (Aborted, ContentErased):
                outcomes["refused"] += 1

    async def removing(first: int) -> None:
        number = first
        while time.monotonic() < until:
            number = (number + 1) % 4
            try:
                await world.remove(number)
                outcomes["removed"] += 1
            except (NotFound, FailedPrecondition):  # somebody else removed it, or does so now
                outcomes["refused"] += 1

    async def sweeping() -> None:
        sweeper = DeletionSweeper(world.database, world.tables, world.objects, IDS)
        while time.monotonic() < until:
            await sweeper.sweep(PROJECT)
            await asyncio.sleep(0.001)

    async def reading() -> None:
        """A record that is the same before and after has had its object in between."""
        while time.monotonic() < until:
            for number in range(4):
                before = await world.records.get(PROJECT, draft_of(number).id)
                try:
                    await world.objects.read(key_of(number), 0, 100)
                except ObjectMissing:
                    after = await world.records.get(PROJECT, draft_of(number).id)
                    assert before is None or after is None or before.create_time != after.create_time
            await asyncio.sleep(0)

    await asyncio.gather(
        *(ingesting(number) for number in range(4)), removing(0), removing(2), sweeping(), sweeping(), reading()
    )
    await world.sweeper.sweep(PROJECT)
    for number in range(4):
        recorded = await world.records.get(PROJECT, draft_of(number).id)
        assert await world.objects.exists(key_of(number)) or recorded is None
        if recorded is not None:
            assert await world.objects.read(key_of(number), 0, 100) == f"content {number}".encode()
    assert outcomes["ingested"] > 10
    assert outcomes["removed"] > 3


async def test_orphans_are_found_and_what_is_known_young_or_no_content_stays(world: World, tmp_path: Path) -> None:
    await world.ingest(1)
    await world.objects.put_many({key_of(2): b"content 2", key_of(3): b"content 3"})
    old = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    raw = tmp_path / "objects" / "raw"
    other = raw / "_audit" / "head"
    other.parent.mkdir()
    other.write_bytes(b"{}")
    for path in (raw / key_of(1).path, raw / key_of(2).path, other):
        os.utime(path, (old, old))
    orphans = OrphanSweeper(world.database, world.tables, world.objects, IDS, interval_s=3600)
    assert await orphans.sweep() == 1
    assert await world.sweeper.sweep(PROJECT) == 1
    assert [await world.objects.exists(key_of(number)) for number in (1, 2, 3)] == [True, False, True]
    assert other.exists()
    later = datetime.now(UTC) + timedelta(days=2)
    again = OrphanSweeper(world.database, world.tables, world.objects, IDS, interval_s=3600, now=lambda: later)
    assert await again.sweep() == 1
    assert await world.sweeper.sweep(PROJECT) == 1
    assert [await world.objects.exists(key_of(number)) for number in (1, 2, 3)] == [True, False, False]
