"""Legal holds: what is under one goes neither by erasure nor by retention."""

from __future__ import annotations

import grpc

from labelmill.storage.v1 import lifecycle_service_pb2 as pb
from tests.storage.client import PARENT, Storage, refused
from tests.storage.lifecycle_client import REASON, Lifecycle


async def test_a_hold_is_put_by_name_filter_or_subject(on_both: Storage) -> None:
    life = Lifecycle(on_both)
    first = await on_both.upload(b"one", labels={"set": "a"}, subject="ann")
    await on_both.upload(b"two", labels={"set": "b"}, subject="ann")
    await on_both.upload(b"three", labels={"set": "b"})
    assert (await life.hold("by-name", asset_names=[first.name, first.name])).asset_count == 1
    assert (await life.hold("by-filter", filter='labels.set = "b"')).asset_count == 2
    assert (await life.hold("by-subject", subject="ann")).asset_count == 2
    assert (await life.hold("all", filter="*")).asset_count == 3
    assert (await life.hold("none", subject="nobody")).asset_count == 0
    entries = await life.entries('action = "legal_hold.created"')
    assert [entry.resource for entry in entries] == [
        f"{PARENT}/legalHolds/{name}" for name in ("by-name", "by-filter", "by-subject", "all", "none")
    ]
    assert dict(entries[1].details) == {"count": "2", "reason": REASON}
    assert "ann" not in str(entries[2])


async def test_holds_are_read_listed_and_released(on_both: Storage) -> None:
    life, asset = Lifecycle(on_both), await on_both.upload(b"one")
    for number in range(3):
        await life.hold(f"hold-{number}", asset_names=[asset.name])
    first = await life.call("ListLegalHolds", pb.ListLegalHoldsRequest(parent=PARENT, page_size=2))
    token = first.next_page_token
    rest = await life.call("ListLegalHolds", pb.ListLegalHoldsRequest(parent=PARENT, page_size=2, page_token=token))
    listed = [*first.legal_holds, *rest.legal_holds]
    assert [hold.name for hold in listed] == [f"{PARENT}/legalHolds/hold-{number}" for number in range(3)]
    assert not rest.next_page_token
    released = await life.release("hold-1")
    assert released.HasField("release_time")
    found = await life.call("GetLegalHold", pb.GetLegalHoldRequest(name=released.name), who="owner")
    assert found == released
    assert (await refused(life.release("hold-1"))).said == (grpc.StatusCode.FAILED_PRECONDITION, "HOLD_RELEASED")
    assert (await refused(life.release("other"))).said == (grpc.StatusCode.NOT_FOUND, "HOLD_NOT_FOUND")
    assert [e.resource for e in await life.entries('action = "legal_hold.released"')] == [released.name]


async def test_what_is_no_hold_is_refused(storage: Storage) -> None:
    life, asset = Lifecycle(storage), await storage.upload(b"one")
    await life.hold("hold", asset_names=[asset.name])
    assert (await refused(life.hold("hold", asset_names=[asset.name]))).said == (
        grpc.StatusCode.ALREADY_EXISTS,
        "HOLD_EXISTS",
    )
    unknown = f"{PARENT}/assets/{'0' * 32}"
    assert (await refused(life.hold("other", asset_names=[unknown]))).said == (
        grpc.StatusCode.NOT_FOUND,
        "ASSET_NOT_FOUND",
    )
    for values in ({}, {"filter": "*", "subject": "ann"}):
        assert (await refused(life.hold("other", **values))).reason == "INVALID_SELECTION"
    assert (await refused(life.hold("other", filter="colour = 1"))).reason == "INVALID_FILTER"
    assert (await refused(life.hold("other", filter="*", reason="short"))).code == grpc.StatusCode.INVALID_ARGUMENT


async def test_who_may_not_hold(storage: Storage) -> None:
    life, request = Lifecycle(storage), pb.ListLegalHoldsRequest(parent=PARENT)
    for who in ("manager", "reviewer", "annotator", "service", "stranger"):
        refusal = await refused(life.call("ListLegalHolds", request, who=who))
        assert refusal.code == grpc.StatusCode.PERMISSION_DENIED, who
