"""The operation over a project's assets: what it admits and skips, and that interruptions lose and double nothing."""

import asyncio
from pathlib import Path

import pytest

from labelmill import errors
from labelmill.anonymization.v1 import operators_pb2
from labelmill.anonymization.v1 import resources_pb2 as pb
from labelmill.anonymization.v1 import service_pb2 as service
from labelmill_runtime.errors import PermissionDenied
from tests.anonymization.memory_zones import MemoryZones, StorageGone
from tests.anonymization.server import Anonymization, anonymization
from tests.support.postgres import new_database

POLICY = "projects/demo/policies/strict"
POLICY_CONTENT = pb.Policy(default_operator=operators_pb2.Operator(replace=operators_pb2.Replace()))


async def make_policy(server: Anonymization) -> pb.Policy:
    return await server.client.anonymization.create_policy(
        service.CreatePolicyRequest(parent="projects/demo", policy_id="strict", policy=POLICY_CONTENT)
    )


async def run(server: Anonymization) -> service.AnonymizeAssetsResponse:
    operation = await server.client.anonymization.anonymize_assets(
        service.AnonymizeAssetsRequest(parent="projects/demo", policy=POLICY)
    )
    return await operation.result(timeout_s=60)


def ingest(count: int) -> MemoryZones:
    zones = MemoryZones()
    for i in range(count):
        zones.add("demo", f"Sentence {i} by NameJane{i}" + (" in PlaceRome" if i % 2 else ""))
    zones.add("other", "NameJane of another project")
    return zones


async def test_every_asset_is_admitted_with_a_receipt(tmp_path: Path) -> None:
    zones = ingest(25)
    async with anonymization(tmp_path, zones) as server:
        await make_policy(server)
        result = await run(server)
        assert (result.admitted_count, result.skipped_count, result.failed_count) == (25, 0, 0)
        assert result.affected_count == 25
        assert {c.entity_type: c.count for c in result.entity_counts} == {"PERSON": 25, "LOCATION": 12}
        mine = [asset for asset in zones.assets.values() if asset.name.startswith("projects/demo/")]
        assert all(asset.clean and b"Name" not in asset.clean for asset in mine)
        receipts = [
            receipt
            async for receipt in server.client.anonymization.list_receipts(
                service.ListReceiptsRequest(parent="projects/demo", page_size=7)
            )
        ]
        assert {receipt.asset for receipt in receipts} == {asset.name for asset in mine}
        assert len(receipts) == 25
        one = await server.client.anonymization.get_receipt(service.GetReceiptRequest(name=receipts[0].name))
        assert one == receipts[0]
        assert one.detector_versions == ["words 1"]
        of_asset = service.ListReceiptsRequest(parent="projects/demo", filter=f'asset = "{one.asset}"')
        assert [r.name async for r in server.client.anonymization.list_receipts(of_asset)] == [one.name]


async def test_progress_is_reported(tmp_path: Path) -> None:
    async with anonymization(tmp_path, ingest(25)) as server:
        await make_policy(server)
        operation = await server.client.anonymization.anonymize_assets(
            service.AnonymizeAssetsRequest(parent="projects/demo", policy=POLICY)
        )
        await operation.result(timeout_s=60)
        metadata = operation.metadata()
        assert (metadata.progress.total_count, metadata.progress.done_count) == (25, 25)
        assert (metadata.policy, metadata.policy_version) == (POLICY, 1)
        assert metadata.progress.stage == "done"
        assert [(c.entity_type, c.count) for c in metadata.entity_counts] == [("LOCATION", 12), ("PERSON", 25)]


async def test_clean_assets_are_skipped_until_the_policy_changes(tmp_path: Path) -> None:
    zones = ingest(12)
    async with anonymization(tmp_path, zones) as server:
        policy = await make_policy(server)
        await run(server)
        zones.add("demo", "A later one by NameBob")
        again = await run(server)
        assert (again.admitted_count, again.skipped_count) == (1, 12)
        changed = pb.Policy(name=policy.name, default_operator=operators_pb2.Operator(redact=operators_pb2.Redact()))
        await server.client.anonymization.update_policy(service.UpdatePolicyRequest(policy=changed))
        redone = await run(server)
        assert (redone.admitted_count, redone.skipped_count) == (13, 0)
        assert not any(b"<PERSON>" in (asset.clean or b"") for asset in zones.assets.values())


async def test_the_policy_version_is_the_one_at_the_start(tmp_path: Path) -> None:
    zones = ingest(0)
    for i in range(40):
        zones.add("demo", f"NAP NameJane{i}")
    async with anonymization(tmp_path, zones) as server:
        policy = await make_policy(server)
        operation = await server.client.anonymization.anonymize_assets(
            service.AnonymizeAssetsRequest(parent="projects/demo", policy=POLICY)
        )
        changed = pb.Policy(name=policy.name, default_operator=operators_pb2.Operator(redact=operators_pb2.Redact()))
        await server.client.anonymization.update_policy(service.UpdatePolicyRequest(policy=changed))
        await operation.result(timeout_s=60)
        assert all(asset.clean == b"NAP <PERSON>" for asset in zones.assets.values() if "demo" in asset.name)


async def test_bad_assets_fail_alone(tmp_path: Path) -> None:
    zones = ingest(15)
    bad = {
        zones.add("demo", b"\x89PNG", "application/zip"): "UNSUPPORTED_MEDIA_TYPE",
        zones.add("demo", "x" * 10_001): "ASSET_TOO_LARGE",
        zones.add("demo", b"\xff\xfe"): "INVALID_UTF8",
        zones.add("demo", "FAIL NameJane"): "DETECTION_FAILED",
        zones.add("demo", "rejected"): "RECEIPT_REJECTED",
        zones.add("demo", "missing"): "ASSET_NOT_FOUND",
    }
    by_reason = {reason: name for name, reason in bad.items()}
    zones.missing.add(by_reason["ASSET_NOT_FOUND"])
    rejected = by_reason["RECEIPT_REJECTED"]
    zones.reject = lambda name: PermissionDenied("RECEIPT_REJECTED", "No.") if name == rejected else None
    async with anonymization(tmp_path, zones) as server:
        await make_policy(server)
        operation = await server.client.anonymization.anonymize_assets(
            service.AnonymizeAssetsRequest(parent="projects/demo", policy=POLICY)
        )
        result = await operation.result(timeout_s=60)
        assert (result.admitted_count, result.failed_count) == (15, 6)
        failures = operation.metadata().progress.partial_failures
        assert {f.item: errors.from_status(f.status).reason for f in failures} == bad  # type: ignore[union-attr]
        assert all(zones.assets[name].clean is None for name in bad)


async def test_only_the_first_hundred_failures_are_listed(tmp_path: Path) -> None:
    zones = MemoryZones()
    for i in range(130):
        zones.add("demo", f"image {i}", "image/png")
    async with anonymization(tmp_path, zones, page_assets=40) as server:
        await make_policy(server)
        operation = await server.client.anonymization.anonymize_assets(
            service.AnonymizeAssetsRequest(parent="projects/demo", policy=POLICY)
        )
        result = await operation.result(timeout_s=60)
        assert result.failed_count == operation.metadata().progress.failed_count == 130
        assert len(operation.metadata().progress.partial_failures) == 100


async def test_storage_that_is_away_fails_the_operation_and_another_one_finishes(tmp_path: Path) -> None:
    zones = ingest(25)

    def gone() -> None:
        if len(zones.admissions) >= 10:
            raise StorageGone

    zones.before_admit = gone
    async with anonymization(tmp_path, zones) as server:
        await make_policy(server)
        with pytest.raises(errors.Unavailable) as caught:
            await run(server)
        assert caught.value.reason == "STORAGE_GONE"
        zones.before_admit = None
        result = await run(server)
        assert (result.admitted_count, result.skipped_count) == (15, 10)
        assert sorted(zones.admissions) == sorted(n for n in zones.assets if "demo" in n)


@pytest.mark.parametrize("moment", ["before_admit", "after_admit"])
async def test_an_interrupted_operation_goes_on_without_loss_or_double_count(tmp_path: Path, moment: str) -> None:
    zones = ingest(35)
    stopped = asyncio.Event()

    def interrupt() -> None:
        """As a process that dies here: what is under way never reaches its checkpoint."""
        if len(zones.admissions) >= 20:
            stopped.set()
            raise asyncio.CancelledError

    setattr(zones, moment, interrupt)
    async with anonymization(tmp_path, zones) as server:
        await make_policy(server)
        operation = await server.client.anonymization.anonymize_assets(
            service.AnonymizeAssetsRequest(parent="projects/demo", policy=POLICY)
        )
        await asyncio.wait_for(stopped.wait(), 30)
    setattr(zones, moment, None)
    async with anonymization(tmp_path, zones) as server:
        again = await server.client.operation(operation.name)
        result = await again.result(timeout_s=60)
        assert isinstance(result, service.AnonymizeAssetsResponse)
        assert (result.admitted_count, result.skipped_count, result.failed_count) == (35, 0, 0)
        assert {c.entity_type: c.count for c in result.entity_counts} == {"PERSON": 35, "LOCATION": 17}
        receipts = [
            r
            async for r in server.client.anonymization.list_receipts(
                service.ListReceiptsRequest(parent="projects/demo")
            )
        ]
        assert len(receipts) == len({r.asset for r in receipts}) == 35
        assert sorted(zones.admissions) == sorted(n for n in zones.assets if "demo" in n)


async def test_cancel_stops_between_pages(tmp_path: Path) -> None:
    zones = MemoryZones()
    for i in range(400):
        zones.add("demo", f"NAP NameJane{i}")
    async with anonymization(tmp_path, zones) as server:
        await make_policy(server)
        operation = await server.client.anonymization.anonymize_assets(
            service.AnonymizeAssetsRequest(parent="projects/demo", policy=POLICY)
        )
        while not zones.admissions:
            await asyncio.sleep(0.02)
        await operation.cancel()
        with pytest.raises(errors.Cancelled):
            await operation.result(timeout_s=30)
        assert 0 < len(zones.admissions) < 400
        done = operation.metadata().progress.done_count
        assert done % 10 == 0
        assert len(zones.admissions) in (done, done + 10)


async def test_spans_are_mapped_by_the_receipt(tmp_path: Path) -> None:
    zones = MemoryZones()
    zones.add("demo", "👩‍🚀 NameJane flew to PlaceRome!")
    async with anonymization(tmp_path, zones) as server:
        await make_policy(server)
        await run(server)
        [asset] = zones.assets.values()
        assert asset.clean is not None
        assert asset.clean.decode() == "👩‍🚀 <PERSON> flew to <LOCATION>!"
        request = service.MapSpansRequest(
            receipt=asset.receipt, direction=service.MapSpansRequest.DIRECTION_RAW_TO_CLEAN
        )
        for start, end in ((0, 3), (13, 17), (4, 8), (30, 31)):
            request.spans.add(start=start, end=end)
        mapped = await server.client.anonymization.map_spans(request)
        found = [(r.span.start, r.span.end, r.widened) for r in mapped.results]
        assert found == [(0, 3, False), (13, 17, False), (4, 12, True), (31, 32, False)]
        back = service.MapSpansRequest(receipt=asset.receipt, direction=service.MapSpansRequest.DIRECTION_CLEAN_TO_RAW)
        back.spans.add(start=13, end=17)
        [there] = (await server.client.anonymization.map_spans(back)).results
        assert (there.span.start, there.span.end) == (13, 17)
        back.spans.add(start=30, end=33)
        with pytest.raises(errors.OutOfRange) as caught:
            await server.client.anonymization.map_spans(back)
        assert caught.value.fields.keys() == {"spans[1].end"}


async def test_postgresql_keeps_the_same_records(tmp_path: Path, postgres_url: str) -> None:
    zones = ingest(12)
    async with anonymization(tmp_path, zones, database_url=new_database(postgres_url)) as server:
        await make_policy(server)
        result = await run(server)
        assert (result.admitted_count, result.failed_count) == (12, 0)
        again = await run(server)
        assert (again.admitted_count, again.skipped_count) == (0, 12)
        page = await server.client.anonymization.list_receipts.page(
            service.ListReceiptsRequest(parent="projects/demo", page_size=5, filter=f'policy = "{POLICY}"')
        )
        assert len(page.receipts) == 5
        rest = await server.client.anonymization.list_receipts.page(
            service.ListReceiptsRequest(
                parent="projects/demo", page_size=50, filter=f'policy = "{POLICY}"', page_token=page.next_page_token
            )
        )
        assert len(rest.receipts) == 7
        with pytest.raises(errors.AlreadyExists):
            await make_policy(server)
