"""Usage, quotas and what leaves."""

from __future__ import annotations

from datetime import UTC, datetime

import grpc
from hypothesis import given
from hypothesis import strategies as st

from labelmill.storage.v1 import lifecycle_service_pb2 as pb
from labelmill_runtime.settings import RuntimeSettings
from labelmill_storage.lifecycle.quota import Quota, first_kept_day, fitting
from tests.storage.client import CLEAN, PARENT, Refusal, Storage, refused
from tests.storage.conftest import Start
from tests.storage.lifecycle_client import Lifecycle


async def limit(life: Lifecycle, **limits: int) -> pb.Usage:
    request = pb.UpdateQuotaRequest(name=f"{PARENT}/usage", quota=pb.Usage.Quota(**limits))
    changed: pb.Usage = await life.call("UpdateQuota", request, who="owner")
    return changed


async def test_contents_count_by_zone_and_once(on_both: Storage) -> None:
    life = Lifecycle(on_both)
    assert await life.stored() == [(0, 0), (0, 0)]
    asset = await on_both.upload(b"about Ann")
    await on_both.upload(b"about Ann")
    await on_both.create([b"one", b"two", b"one"])
    await on_both.admit_one(asset, b"about ***")
    await on_both.admit_one(asset, b"about ***, again")
    assert await life.stored() == [(15, 3), (16, 1)]


async def test_what_goes_beyond_the_quota_is_refused_and_what_is_there_stays(on_both: Storage) -> None:
    life = Lifecycle(on_both)
    asset = await on_both.upload(b"about Ann")
    changed = await limit(life, max_stored_bytes=12, max_objects=5)
    assert (changed.quota.max_stored_bytes, changed.quota.max_objects) == (12, 5)
    assert changed.zones == (await life.usage()).zones
    refusal = await refused(on_both.upload(b"about Bob"))
    assert refusal.said == (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED")
    assert refusal.metadata == {"limit": "max_stored_bytes", "most": "12"}
    fits, beyond = await on_both.create([b"one", b"two"])
    assert not fits.status.code
    assert Refusal(beyond.status).reason == "QUOTA_EXCEEDED"
    (clean,) = await on_both.admit([(b"about ***", on_both.signer.receipt(asset, b"about ***"))])
    assert Refusal(clean.status).reason == "QUOTA_EXCEEDED"
    assert await life.stored() == [(12, 2), (0, 0)]
    await limit(life, max_stored_bytes=1)
    assert (await on_both.download(asset.name))[1] == b"about Ann"
    (first, second) = await life.entries('action = "quota.updated"')
    assert (first.resource, first.details["max_objects"], second.details["max_objects"]) == (
        f"{PARENT}/usage",
        "5",
        "0",
    )
    for who in ("manager", "privacy_officer", "service"):
        request = pb.UpdateQuotaRequest(name=f"{PARENT}/usage", quota=pb.Usage.Quota())
        assert (await refused(life.call("UpdateQuota", request, who=who))).code == grpc.StatusCode.PERMISSION_DENIED


async def test_reads_count_and_end_at_the_daily_limit_for_people(on_both: Storage) -> None:
    life, asset = Lifecycle(on_both), await on_both.upload(b"x" * 1000)
    await on_both.admit_one(asset, b"y" * 500)
    await limit(life, max_daily_egress_bytes=1600)
    before = datetime.now(UTC).date().isoformat()
    await on_both.download(asset.name)
    await on_both.read([asset.name, asset.name], CLEAN, who="manager")
    (day,) = (await life.usage()).daily_egress
    assert day.read_bytes == 2000
    assert {day.date} <= {before, datetime.now(UTC).date().isoformat()}
    for reading in (
        on_both.download(asset.name),
        on_both.download(asset.name, CLEAN, who="annotator"),
        on_both.read([asset.name], CLEAN, who="manager"),
    ):
        refusal = await refused(reading)
        assert refusal.said == (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED")
        assert refusal.metadata["limit"] == "max_daily_egress_bytes"
    assert (await on_both.download(asset.name, who="service"))[1] == b"x" * 1000
    assert [one.read_bytes for one in (await life.usage()).daily_egress] == [3000]
    await limit(life)
    await on_both.download(asset.name, offset=900)
    assert [one.read_bytes for one in (await life.usage()).daily_egress] == [3100]


async def test_what_was_counted_is_written_down_at_the_end(start: Start, both_settings: RuntimeSettings) -> None:
    async with start(both_settings) as storage:
        asset = await storage.upload(b"x" * 100)
        await storage.download(asset.name)
    async with start(both_settings) as storage:
        await storage.download(asset.name)
        assert [one.read_bytes for one in (await Lifecycle(storage).usage()).daily_egress] == [200]


@given(
    st.integers(0, 100),
    st.integers(0, 5),
    st.integers(0, 100),
    st.integers(0, 5),
    st.lists(st.integers(0, 50), max_size=8),
)
def test_what_fits_stays_within_the_limits(
    most_bytes: int, most_objects: int, stored: int, objects: int, sizes: list[int]
) -> None:
    refused_ = fitting(Quota(most_bytes, most_objects), stored, objects, sizes)
    for size, error in zip(sizes, refused_, strict=True):
        too_big = bool(most_bytes) and stored + size > most_bytes
        too_many = bool(most_objects) and objects + 1 > most_objects
        assert (error is not None) == (too_big or too_many)
        if error is None:
            stored, objects = stored + size, objects + 1


def test_the_first_kept_day_counts_today() -> None:
    assert first_kept_day(datetime(2026, 3, 1, tzinfo=UTC), 1) == "2026-03-01"
    assert first_kept_day(datetime(2026, 3, 1, tzinfo=UTC), 31) == "2026-01-30"
