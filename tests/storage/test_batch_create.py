"""BatchCreateAssets over a real socket."""

import asyncio
import time
import uuid

import grpc
import pytest

from labelmill.storage.v1 import service_pb2
from tests.storage.client import PARENT, Refusal, Storage, refused

Item = service_pb2.BatchCreateAssetsRequest.Item
Request = service_pb2.BatchCreateAssetsRequest


async def test_each_item_has_an_outcome_of_its_own(on_both: Storage) -> None:
    items = [
        Item(content=b"one", external_id="1", labels={"set": "a"}),
        Item(content=b""),
        Item(content=b"caf\xe9", media_type="text/plain"),
        Item(content=b"two"),
        Item(content=b"one", external_id="again"),
        Item(content=b"x", external_id="\0"),
        Item(content=b"x", media_type="?"),
    ]
    response = await on_both.call("BatchCreateAssets", Request(parent=PARENT, items=items))
    reasons = [Refusal(r.status).reason if r.status.code else "" for r in response.results]
    assert reasons == ["", "EMPTY_CONTENT", "INVALID_UTF8", "", "", "INVALID_TEXT", "INVALID_MEDIA_TYPE"]
    assert [r.HasField("asset") for r in response.results] == [True, False, False, True, True, False, False]
    one, two, again = (response.results[index] for index in (0, 3, 4))
    assert (one.already_existed, two.already_existed, again.already_existed) == (False, False, True)
    assert again.asset == one.asset
    assert one.asset.external_id == "1"
    assert await on_both.listed() == [one.asset.name, two.asset.name]
    assert len(on_both.files()) == 2


async def test_batch_and_upload_make_the_same_asset(on_stores: Storage) -> None:
    (result,) = await on_stores.create([b"the same"])
    assert await on_stores.upload(b"the same") == result.asset
    (again,) = await on_stores.create([b"the same"])
    assert again.already_existed
    assert (await on_stores.download(result.asset.name))[1] == b"the same"


async def test_same_request_id_has_one_effect_and_one_answer(on_both: Storage) -> None:
    request_id = str(uuid.uuid4())
    answers = await asyncio.gather(*(on_both.create([b"a", b"b"], request_id=request_id) for _ in range(5)))
    assert all(answer == answers[0] for answer in answers)
    assert [result.already_existed for result in answers[0]] == [False, False]
    assert [result.already_existed for result in await on_both.create([b"a", b"b"])] == [True, True]


async def test_request_id_with_another_body_is_refused(storage: Storage) -> None:
    request_id = str(uuid.uuid4())
    await storage.create([b"a"], request_id=request_id)
    refusal = await refused(storage.create([b"b"], request_id=request_id))
    assert refusal.said == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")
    assert len(await storage.listed()) == 1


@pytest.mark.parametrize(
    ("values", "who", "code", "reason"),
    [
        ({"parent": "projects/unknown"}, "service", grpc.StatusCode.NOT_FOUND, "PROJECT_NOT_FOUND"),
        ({}, "annotator", grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED"),
        ({"items": []}, "manager", grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"),
        ({"items": [Item(content=b"x" * 1_048_577)]}, "manager", grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"),
        ({"request_id": "7"}, "manager", grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"),
    ],
)
async def test_bad_batch_is_refused_as_a_whole(
    storage: Storage, values: dict[str, object], who: str, code: grpc.StatusCode, reason: str
) -> None:
    request = Request(**{"parent": PARENT, "items": [Item(content=b"x")], **values})  # type: ignore[arg-type]
    refusal = await refused(storage.call("BatchCreateAssets", request, who=who))
    assert refusal.said == (code, reason)
    assert storage.files() == []
    assert await storage.listed() == []


async def test_opposite_batches_at_once_do_not_lock_each_other_out(on_both: Storage) -> None:
    contents = [f"text {number}".encode() for number in range(200)]
    results = await asyncio.gather(on_both.create(contents), on_both.create(contents[::-1]), on_both.create(contents))
    assert all(result.status.code == 0 for answer in results for result in answer)
    assert len(await on_both.listed()) == 200
    created = sum(not result.already_existed for answer in results for result in answer)
    assert created == 200


async def test_a_thousand_small_texts_go_in_quickly_and_in_order(storage: Storage) -> None:
    await storage.create([b"warm"])
    contents = [f"An editorial sentence, number {number}, of some length. ".encode() * 3 for number in range(1000)]
    started = time.perf_counter()
    results = await storage.create(contents)
    seconds = time.perf_counter() - started
    assert all(result.status.code == 0 for result in results)
    assert seconds < 10.0  # a quarter of a second on an idle machine; other tests may keep this one's disk busy
    assert (await storage.listed())[1:] == [result.asset.name for result in results][:999]  # in the order sent
