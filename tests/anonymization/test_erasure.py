"""What EraseAssets takes out of the anonymization service."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from labelmill import errors
from labelmill.anonymization.v1 import operators_pb2
from labelmill.anonymization.v1 import resources_pb2 as pb
from labelmill.anonymization.v1 import service_pb2 as service
from labelmill.type.v1 import geometry_pb2
from labelmill.type.v1.erasure_pb2 import EraseAssetsRequest, EraseAssetsResponse
from labelmill_runtime.principal import Role
from tests.anonymization.memory_zones import MemoryZones
from tests.anonymization.server import Anonymization, anonymization
from tests.support.postgres import new_database

PARENT = "projects/demo"
POLICY = f"{PARENT}/policies/strict"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "sqlite" else new_database(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def server(tmp_path: Path, database_url: str | None) -> AsyncIterator[Anonymization]:
    """With three assets."""
    zones = MemoryZones()
    for text in ("NameJane in PlaceRome", "NameBob", "NameEve"):
        zones.add("demo", text)
    async with anonymization(tmp_path, zones, database_url=database_url, page_assets=2) as running:
        policy = pb.Policy(default_operator=operators_pb2.Operator(replace=operators_pb2.Replace()))
        request = service.CreatePolicyRequest(parent=PARENT, policy_id="strict", policy=policy)
        await running.client.anonymization.create_policy(request)
        yield running


async def anonymize(server: Anonymization) -> service.AnonymizeAssetsResponse:
    request = service.AnonymizeAssetsRequest(parent=PARENT, policy=POLICY)
    operation = await server.client.anonymization.anonymize_assets(request)
    return await operation.result(timeout_s=60)


async def erase(server: Anonymization, *names: str, request_id: str = "") -> EraseAssetsResponse:
    request = EraseAssetsRequest(parent=PARENT, names=names, request_id=request_id)
    return await server.clients[Role.SERVICE].anonymization.erase_assets(request)


async def receipts(server: Anonymization) -> dict[str, str]:
    """Asset -> receipt."""
    listed = server.client.anonymization.list_receipts(service.ListReceiptsRequest(parent=PARENT))
    return {receipt.asset: receipt.name async for receipt in listed}


async def map_first_word(server: Anonymization, receipt: str) -> None:
    spans = [geometry_pb2.TextSpan(start=0, end=4)]
    request = service.MapSpansRequest(receipt=receipt, spans=spans, direction="DIRECTION_RAW_TO_CLEAN")
    await server.client.anonymization.map_spans(request)


async def test_receipts_and_offset_maps_of_the_assets_go_and_all_others_stay(server: Anonymization) -> None:
    await anonymize(server)
    before = await receipts(server)
    first, second, third = server.zones.assets
    erased = await erase(server, first, second)
    assert dict(erased.removed_counts) == {"offset_maps": 2, "receipts": 2}
    assert not erased.kept
    assert await receipts(server) == {third: before[third]}
    await map_first_word(server, before[third])
    with pytest.raises(errors.NotFound):
        await map_first_word(server, before[first])
    with pytest.raises(errors.NotFound):
        await server.client.anonymization.get_receipt(service.GetReceiptRequest(name=before[first]))


async def test_erasing_again_and_erasing_the_unknown_removes_nothing(server: Anonymization) -> None:
    await anonymize(server)
    first = next(iter(server.zones.assets))
    request_id = str(uuid.uuid4())
    erased = await erase(server, first, request_id=request_id)
    assert await erase(server, first, request_id=request_id) == erased
    assert not any((await erase(server, first, f"{PARENT}/assets/{'0' * 32}")).removed_counts.values())


async def test_a_run_that_listed_an_asset_before_its_erasure_keeps_nothing_of_it(server: Anonymization) -> None:
    """The erasure comes when the run has read the asset, and before it keeps its receipt."""
    _, _, third = server.zones.assets
    server.zones.erase_when_read(third, lambda: erase(server, third))
    result = await anonymize(server)
    assert (result.admitted_count, result.failed_count) == (2, 1)
    assert third not in await receipts(server)


async def test_an_asset_that_comes_again_after_its_erasure_is_anonymized_again(server: Anonymization) -> None:
    await anonymize(server)
    first = next(iter(server.zones.assets))
    await erase(server, first)
    server.zones.assets[first].receipt = ""
    assert (await anonymize(server)).admitted_count == 1
    assert first in await receipts(server)


async def test_names_of_another_project_and_other_names_are_refused(server: Anonymization) -> None:
    for name, reason in (("projects/other/assets/a", "FOREIGN_PROJECT"), (f"{PARENT}/tasks/a", "INVALID_NAME")):
        with pytest.raises(errors.InvalidArgument) as caught:
            await erase(server, name)
        assert (caught.value.reason, list(caught.value.fields)) == (reason, ["names[0]"])


async def test_only_services_may_erase(server: Anonymization) -> None:
    for role in set(Role) - {Role.SERVICE}:
        with pytest.raises(errors.PermissionDenied):
            await server.clients[role].anonymization.erase_assets(EraseAssetsRequest(parent=PARENT, names=["x"]))
