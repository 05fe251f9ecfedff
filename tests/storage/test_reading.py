"""DownloadAsset, BatchReadAssets, GetAsset: what comes out, for whom, and never damaged."""

import os

import grpc
import pytest

from labelmill.storage.v1 import service_pb2
from tests.storage.client import CLEAN, PARENT, RAW, Refusal, Storage, refused
from tests.storage.conftest import Start

TEXT = b"Jane Doe wrote this."
REDACTED = b"<PERSON> wrote this."
NOBODY = f"{PARENT}/assets/{'0' * 32}"
MIB = 1024 * 1024
HIGHER = ["owner", "manager", "reviewer", "privacy_officer", "service"]


@pytest.mark.parametrize("who", ["annotator", "reviewer", "manager", "owner"])
async def test_raw_is_refused_whether_the_asset_exists_or_not(storage: Storage, who: str) -> None:
    asset = await storage.upload(TEXT)
    for name in (asset.name, NOBODY):
        for call in (storage.download(name, RAW, who=who), storage.read([name], RAW, who=who)):
            assert (await refused(call)).said == (grpc.StatusCode.PERMISSION_DENIED, "RAW_FORBIDDEN")


@pytest.mark.parametrize("who", ["annotator", *HIGHER])
async def test_clean_content_is_for_every_role_of_the_project(storage: Storage, who: str) -> None:
    asset = await storage.admit_one(await storage.upload(TEXT), REDACTED)
    assert await storage.download(asset.name, CLEAN, who=who) == (asset.clean, REDACTED)
    (result,) = await storage.read([asset.name], CLEAN, who=who)
    assert (result.content, result.description, result.status.code) == (REDACTED, asset.clean, 0)


async def test_unspecified_zone_means_clean(storage: Storage) -> None:
    asset = await storage.admit_one(await storage.upload(TEXT), REDACTED)
    assert (await storage.download(asset.name, 0))[1] == REDACTED


async def test_asset_in_raw_is_not_clean_for_most_and_unknown_to_annotators(storage: Storage) -> None:
    asset = await storage.upload(TEXT)
    for who in HIGHER:
        refusal = await refused(storage.download(asset.name, CLEAN, who=who))
        assert refusal.said == (grpc.StatusCode.FAILED_PRECONDITION, "NOT_CLEAN")
    missing = (grpc.StatusCode.NOT_FOUND, "ASSET_NOT_FOUND")
    assert (await refused(storage.download(asset.name, CLEAN, who="annotator"))).said == missing
    assert (await refused(storage.get(asset.name, who="annotator"))).said == missing
    (result,) = await storage.read([asset.name], CLEAN, who="annotator")
    assert Refusal(result.status).said == missing


async def test_annotator_sees_name_zone_clean_description_and_times_alone(storage: Storage) -> None:
    raw = await storage.upload(TEXT, external_id="jane.txt", labels={"ward": "7"})
    full = await storage.admit_one(raw, REDACTED)
    seen = await storage.get(full.name, who="annotator")
    fields = {field.name for field, _ in seen.ListFields()}
    assert fields == {"name", "zone", "clean", "create_time", "update_time"}
    assert seen.clean == full.clean
    assert await storage.get(full.name, who="reviewer") == full


@pytest.mark.parametrize(
    ("who", "name", "code"),
    [
        (None, NOBODY, grpc.StatusCode.UNAUTHENTICATED),
        ("stranger", NOBODY, grpc.StatusCode.PERMISSION_DENIED),
        ("privacy_officer", NOBODY, grpc.StatusCode.NOT_FOUND),
        ("service", f"projects/unknown/assets/{'0' * 32}", grpc.StatusCode.NOT_FOUND),
        ("service", f"{PARENT}/assets/../../x", grpc.StatusCode.INVALID_ARGUMENT),
        ("service", f"{PARENT}/assets/{'0' * 31}", grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
async def test_wrong_caller_or_name_has_a_code_of_its_own(
    storage: Storage, who: str | None, name: str, code: grpc.StatusCode
) -> None:
    assert (await refused(storage.download(name, CLEAN, who=who))).code is code
    get = service_pb2.GetAssetRequest(name=name)
    assert (await refused(storage.call("GetAsset", get, who=who))).code is code


async def test_stranger_gets_the_same_answer_for_what_exists_and_what_does_not(storage: Storage) -> None:
    asset = await storage.upload(TEXT)
    answers = [await refused(storage.get(name, who="stranger")) for name in (asset.name, NOBODY)]
    assert answers[0].__dict__ == answers[1].__dict__


@pytest.mark.parametrize(
    ("offset", "length", "expected"),
    [(0, 0, TEXT), (5, 3, TEXT[5:8]), (5, 1000, TEXT[5:]), (len(TEXT), 0, b""), (0, 1, TEXT[:1])],
)
async def test_range_is_a_slice(storage: Storage, offset: int, length: int, expected: bytes) -> None:
    asset = await storage.upload(TEXT)
    assert await storage.download(asset.name, offset=offset, length=length) == (asset.raw, expected)


async def test_offset_beyond_the_end_is_out_of_range(storage: Storage) -> None:
    asset = await storage.upload(TEXT)
    refusal = await refused(storage.download(asset.name, offset=len(TEXT) + 1))
    assert refusal.said == (grpc.StatusCode.OUT_OF_RANGE, "OFFSET_BEYOND_END")
    assert refusal.metadata == {"size_bytes": str(len(TEXT))}


async def test_flipped_byte_is_reported_and_never_served(storage: Storage) -> None:
    content = os.urandom(9 * MIB)
    asset, small = await storage.upload(content), await storage.upload(TEXT)
    for path in storage.files():
        damaged = bytearray(path.read_bytes())
        damaged[5 * MIB if len(damaged) > MIB else 3] ^= 1
        path.write_bytes(damaged)
    request = service_pb2.DownloadAssetRequest(name=asset.name, zone=RAW)
    served = bytearray()

    async def read_on() -> None:
        async for message in storage.stub.DownloadAsset(request, metadata=storage.as_("service"), timeout=60):
            served.extend(message.chunk)

    assert (await refused(read_on())).said == (grpc.StatusCode.DATA_LOSS, "CONTENT_DAMAGED")
    assert served == content[: 4 * MIB]
    assert (await storage.download(asset.name, offset=8 * MIB))[1] == content[8 * MIB :]
    assert (await refused(storage.download(small.name, offset=10))).said[1] == "CONTENT_DAMAGED"
    (result,) = await storage.read([small.name])
    assert Refusal(result.status).said == (grpc.StatusCode.DATA_LOSS, "CONTENT_DAMAGED")
    assert result.content == b""


async def test_missing_object_is_data_loss(storage: Storage) -> None:
    asset = await storage.upload(TEXT)
    (path,) = storage.files()
    path.unlink()
    assert (await refused(storage.download(asset.name))).said == (grpc.StatusCode.DATA_LOSS, "OBJECT_MISSING")
    (result,) = await storage.read([asset.name])
    assert Refusal(result.status).reason == "OBJECT_MISSING"


async def test_batch_read_keeps_the_order_and_fails_item_by_item(on_stores: Storage) -> None:
    one, two = [result.asset for result in await on_stores.create([b"one", b"two"])]
    results = await on_stores.read([two.name, NOBODY, one.name, two.name])
    assert [result.name for result in results] == [two.name, NOBODY, one.name, two.name]
    assert [result.content for result in results] == [b"two", b"", b"one", b"two"]
    assert Refusal(results[1].status).said == (grpc.StatusCode.NOT_FOUND, "ASSET_NOT_FOUND")


async def test_batch_answer_stays_under_its_limit_and_the_rest_can_be_asked_for_again(storage: Storage) -> None:
    contents = [bytes([number]) * MIB for number in range(1, 6)]
    assets = [await storage.upload(content) for content in contents]
    pending, rounds, found = [asset.name for asset in assets], 0, {}
    while pending:
        rounds += 1
        results = await storage.read(pending)
        assert sum(len(result.content) for result in results) <= 3.5 * MIB
        for result in results:
            if result.status.code:
                assert Refusal(result.status).said == (grpc.StatusCode.RESOURCE_EXHAUSTED, "RESPONSE_FULL")
            else:
                found[result.name] = result.content
        pending = [name for name in pending if name not in found]
    assert rounds == 2
    assert [found[asset.name] for asset in assets] == contents


async def test_content_that_fits_no_batch_answer_says_so(storage: Storage) -> None:
    asset = await storage.upload(b"x" * 4 * MIB)
    (result,) = await storage.read([asset.name])
    assert Refusal(result.status).said == (grpc.StatusCode.RESOURCE_EXHAUSTED, "CONTENT_TOO_LARGE")


async def test_largest_batch_fits_into_one_message(storage: Storage) -> None:
    results = await storage.create([b"%04d " % number * 700 for number in range(1000)])
    names = [result.asset.name for result in results]
    answer = await storage.read(names)
    assert all(result.status.code in (0, grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]) for result in answer)
    assert sum(len(result.content) for result in answer) > 2.5 * MIB


async def test_batch_of_another_project_or_bad_names_is_refused(storage: Storage) -> None:
    foreign = f"projects/elsewhere/assets/{'0' * 32}"
    assert (await refused(storage.read([foreign]))).said == (grpc.StatusCode.INVALID_ARGUMENT, "FOREIGN_PROJECT")
    refusal = await refused(storage.read([NOBODY, "../../etc/passwd"]))
    assert refusal.said == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_NAME")
    assert list(refusal.fields) == ["names[1]"]


async def test_download_that_is_given_up_frees_the_server(storage: Storage) -> None:
    asset = await storage.upload(os.urandom(20 * MIB))
    request = service_pb2.DownloadAssetRequest(name=asset.name, zone=RAW)
    for _ in range(5):
        call = storage.stub.DownloadAsset(request, metadata=storage.as_("service"), timeout=60)
        await call.read()
        call.cancel()
    assert (await storage.download(asset.name, length=10))[0].size_bytes == 20 * MIB


async def test_contents_and_names_of_files_stay_out_of_the_log(start: Start, capfd: pytest.CaptureFixture[str]) -> None:
    async with start() as storage:
        asset = await storage.upload(b"canary-content", external_id="canary-name", labels={"canary-label": "x"})
        await refused(storage.upload(b"canary\xff", media_type="text/plain"))
        await storage.list_assets(filter='external_id = "canary-name"')
        await storage.download(asset.name)
    written = capfd.readouterr()
    assert "canary" not in written.out + written.err
    assert asset.raw.sha256 not in written.out + written.err
