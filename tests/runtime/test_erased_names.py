"""Work that began before an erasure writes nothing about what was erased."""

from __future__ import annotations

import asyncio

import pytest

from labelmill_runtime import migrations
from labelmill_runtime.database import Database
from labelmill_runtime.erased_names import ErasedNames

A, B, C = (f"projects/p/assets/{asset}" for asset in "abc")


class Clock:
    def __init__(self) -> None:
        self.now_ms = 1_000_000

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def erased(database: Database, clock: Clock) -> ErasedNames:
    async with database.transaction() as session:
        await (await session.connection()).run_sync(migrations.create_erased_names_table)
    return ErasedNames(database, clock)


async def test_work_that_began_before_is_told_and_later_work_is_not(
    database: Database, erased: ErasedNames, clock: Clock
) -> None:
    async with database.transaction() as session:
        await erased.remember(session, [A, B, A])
        assert await erased.since(session, [A, C], clock.now_ms - 1) == {A}
        assert await erased.since(session, [A, C], clock.now_ms) == {A}
        assert await erased.since(session, [A, C], clock.now_ms + 1) == frozenset()


async def test_a_name_that_is_erased_again_counts_from_then_on(
    database: Database, erased: ErasedNames, clock: Clock
) -> None:
    async with database.transaction() as session:
        await erased.remember(session, [A])
        clock.now_ms += 1000
        await erased.remember(session, [A])
        assert await erased.since(session, [A], clock.now_ms) == {A}


async def test_names_are_kept_for_a_month(database: Database, erased: ErasedNames, clock: Clock) -> None:
    async with database.transaction() as session:
        await erased.remember(session, [A])
        clock.now_ms += 31 * 24 * 3600 * 1000
        await erased.remember(session, [B])
        assert await erased.since(session, [A, B], 0) == {B}


async def test_many_names_may_be_asked_for_at_once(database: Database, erased: ErasedNames) -> None:
    many = [f"projects/p/assets/{number}" for number in range(40_000)]
    async with database.transaction() as session:
        await erased.remember(session, many[-2:])
        assert await erased.since(session, many, 0) == set(many[-2:])


async def test_an_erasure_waits_for_who_has_asked_so_that_it_sees_what_they_wrote(
    database: Database, erased: ErasedNames
) -> None:
    order: list[str] = []
    asked = asyncio.Event()

    async def write() -> None:
        async with database.transaction() as session:
            assert await erased.since(session, [A], 0) == frozenset()
            asked.set()
            await asyncio.sleep(0.2)
            order.append("written")

    async def erase() -> None:
        await asked.wait()
        async with database.transaction() as session:
            await erased.remember(session, [A])
            order.append("erased")

    await asyncio.gather(write(), erase())
    assert order == ["written", "erased"]
