"""Retention: content goes when its time is over, the asset stays."""

from __future__ import annotations

import asyncio

import grpc
from sqlalchemy import update

from labelmill.storage.v1 import lifecycle_service_pb2 as pb
from labelmill_runtime.settings import RuntimeSettings
from labelmill_storage.lifecycle.retention import DAY_US, Deadlines, Retention, Terms, deadlines
from tests.storage.client import CLEAN, PARENT, RAW, Storage, refused
from tests.storage.conftest import Start
from tests.storage.lifecycle_client import Lifecycle, database, until


async def make_older(settings: RuntimeSettings, *, created: int = 0, admitted: int = 0) -> None:
    """Moves all assets into the past, by so many days."""
    async with database(settings) as (opened, tables), opened.transaction() as session:
        assets = tables.assets
        await session.execute(
            update(assets).values(
                create_time_us=assets.c.create_time_us - created * DAY_US,
                admit_time_us=assets.c.admit_time_us - admitted * DAY_US,
            )
        )


async def until_stored(life: Lifecycle, expected: list[tuple[int, int]]) -> None:
    async def reached() -> bool:
        return await life.stored() == expected

    await until(reached)


async def test_raw_content_goes_after_its_days_and_the_asset_stays(
    on_both: Storage, both_settings: RuntimeSettings
) -> None:
    life, asset = Lifecycle(on_both), await on_both.upload(b"about Ann")
    await make_older(both_settings, created=10)
    young = await on_both.upload(b"about Bob")
    await life.keep(raw_days=9)
    await until_stored(life, [(9, 1), (0, 0)])
    assert (await refused(on_both.download(asset.name))).said == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "CONTENT_REMOVED",
    )
    assert (await on_both.get(asset.name)).raw.HasField("remove_time")
    assert (await on_both.download(young.name))[1] == b"about Bob"
    (entry,) = await life.entries('action = "content.expired"')
    assert (entry.actor, entry.resource, dict(entry.details)) == ("labelmill", PARENT, {"zone": "RAW", "count": "1"})

    async def removed() -> bool:
        return [path.read_bytes() for path in on_both.files()] == [b"about Bob"]

    await until(removed)
    again = await on_both.upload(b"about Ann")  # stays as it is
    assert again.raw.HasField("remove_time")
    assert await life.stored() == [(9, 1), (0, 0)]


async def test_raw_content_goes_after_admission_and_clean_content_after_its_own_days(
    on_both: Storage, both_settings: RuntimeSettings
) -> None:
    life, asset = Lifecycle(on_both), await on_both.upload(b"about Ann")
    await on_both.upload(b"never admitted")
    await on_both.admit_one(asset, b"about ***")
    await make_older(both_settings, created=5, admitted=5)
    await life.keep(raw_days=30, raw_days_after_admission=4, clean_days=30)
    await until_stored(life, [(14, 1), (9, 1)])
    assert (await on_both.download(asset.name, CLEAN, who="manager"))[1] == b"about ***"
    await life.keep(clean_days=5)
    await until_stored(life, [(14, 1), (0, 0)])
    assert (await refused(on_both.download(asset.name, CLEAN, who="manager"))).reason == "CONTENT_REMOVED"
    clean = b"about ??? again"
    await on_both.admit_one(asset, clean)  # what is admitted anew begins anew
    assert (await on_both.download(asset.name, CLEAN, who="manager"))[1] == clean


async def test_what_is_on_legal_hold_stays_until_its_release(start: Start, runtime_settings: RuntimeSettings) -> None:
    async with start(retention_seconds=0.1) as storage:
        life, held = Lifecycle(storage), await storage.upload(b"held")
        await storage.upload(b"free")
        await life.hold("court", asset_names=[held.name])
        await make_older(runtime_settings, created=2)
        await life.keep(raw_days=1)
        await until_stored(life, [(4, 1), (0, 0)])
        assert (await storage.download(held.name, RAW))[1] == b"held"
        await life.release("court")
        await until_stored(life, [(0, 0), (0, 0)])


async def test_retention_is_read_and_changed_by_etag(on_both: Storage) -> None:
    life, request = Lifecycle(on_both), pb.GetRetentionRequest(name=f"{PARENT}/retention")
    first = await life.call("GetRetention", request, who="reviewer")
    assert (first.raw_days, first.raw_days_after_admission, first.clean_days) == (0, 0, 0)
    assert not first.HasField("update_time")
    second = await life.keep(raw_days=30, clean_days=7, etag=first.etag)
    assert second == await life.call("GetRetention", request, who="manager")
    stale = await refused(life.keep(raw_days=1, etag=first.etag))
    assert stale.said == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    assert (await life.keep(raw_days=2)).raw_days == 2
    entries = await life.entries('action = "retention.updated"')
    assert [entry.details["raw_days"] for entry in entries] == ["30", "2"]
    forbidden = pb.UpdateRetentionRequest(retention=pb.Retention(name=f"{PARENT}/retention"))
    for who in ("owner", "manager", "service"):
        assert (await refused(life.call("UpdateRetention", forbidden, who=who))).code == (
            grpc.StatusCode.PERMISSION_DENIED
        )


async def test_more_than_a_batch_goes(storage: Storage, runtime_settings: RuntimeSettings) -> None:
    life = Lifecycle(storage)
    contents = [f"content {number}".encode() for number in range(1200)]
    await asyncio.gather(storage.create(contents[:600]), storage.create(contents[600:]))
    await make_older(runtime_settings, created=2)
    await life.keep(raw_days=1)
    await until_stored(life, [(0, 0), (0, 0)])
    assert [entry.details["count"] for entry in await life.entries('action = "content.expired"')] == ["1000", "200"]


def test_deadlines_count_back_from_now() -> None:
    now_us = 100 * DAY_US
    assert deadlines(Terms(1, 2, 3), now_us) == Deadlines(99 * DAY_US, 98 * DAY_US, 97 * DAY_US)
    assert deadlines(Terms(), now_us) == Deadlines(None, None, None)


def test_an_etag_changes_with_terms_and_time() -> None:
    etags = {Retention(terms, time_us).etag for terms in (Terms(), Terms(1), Terms(0, 1)) for time_us in (0, 1)}
    assert len(etags) == 6
