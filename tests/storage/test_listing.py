"""ListAssets and BatchGetAssets."""

import grpc
import pytest

from labelmill.storage.v1 import service_pb2
from tests.storage.client import PARENT, Refusal, Storage, refused

Item = service_pb2.BatchCreateAssetsRequest.Item


async def fill(storage: Storage) -> list[str]:
    """Seven assets: text of growing size, an image, one of them clean."""
    items = [
        Item(
            content=b"x" * (number + 1),
            external_id=f"file-{number}",
            labels={"set": "ab"[number % 2], "n": str(number)},
        )
        for number in range(6)
    ]
    items.append(Item(content=b"\x89PNG\r\n\x1a\n"))
    request = service_pb2.BatchCreateAssetsRequest(parent=PARENT, items=items)
    response = await storage.call("BatchCreateAssets", request)
    await storage.admit_one(response.results[0].asset, b"clean")
    return [result.asset.name for result in response.results]


async def test_pages_follow_the_order_of_creation_and_miss_nothing(on_both: Storage) -> None:
    names = await fill(on_both)
    found, token, pages = [], "", 0
    while pages == 0 or token:
        page = await on_both.list_assets(page_size=3, page_token=token)
        assert page.total_size == 7
        found += [asset.name for asset in page.assets]
        token, pages = page.next_page_token, pages + 1
    assert found == names
    assert pages == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", range(7)),
        ("zone = CLEAN", [0]),
        ("zone = ZONE_RAW", range(1, 7)),
        ('media_type = "image/png"', [6]),
        ('labels.set = "a"', [0, 2, 4]),
        ('labels.set = "a" AND size_bytes > 2', [2, 4]),
        ('NOT labels.set = "a"', [1, 3, 5, 6]),
        ('external_id : "file"', range(6)),
        ('external_id = "file-3" OR labels.n = "5"', [3, 5]),
        ('labels.absent = "x"', []),
        ("create_time > 2020-01-01T00:00:00Z", range(7)),
        ("create_time > 2100-01-01T00:00:00Z", []),
    ],
)
async def test_filter_picks(on_both: Storage, text: str, expected: list[int]) -> None:
    names = await fill(on_both)
    page = await on_both.list_assets(filter=text)
    assert [asset.name for asset in page.assets] == [names[index] for index in expected]
    assert page.total_size == len(expected)


@pytest.mark.parametrize("text", ["nonsense = 1", "zone = PURPLE", "size_bytes > many", "zone =", "create_time > soon"])
async def test_bad_filter_is_refused(storage: Storage, text: str) -> None:
    refusal = await refused(storage.list_assets(filter=text))
    assert refusal.said == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FILTER")


async def test_page_token_is_good_for_its_own_list_alone(storage: Storage) -> None:
    await fill(storage)
    token = (await storage.list_assets(page_size=2)).next_page_token
    for values in ({"filter": "zone = RAW"}, {"page_token": token[:-2] + "xx"}):
        refusal = await refused(storage.list_assets(**{"page_token": token, **values}))
        assert refusal.said == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")


async def test_lists_are_not_for_annotators_and_not_for_unknown_projects(storage: Storage) -> None:
    refusal = await refused(storage.list_assets(who="annotator"))
    assert refusal.said == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")
    refusal = await refused(storage.list_assets(who="service", parent="projects/unknown"))
    assert refusal.said == (grpc.StatusCode.NOT_FOUND, "PROJECT_NOT_FOUND")


async def test_projects_do_not_see_one_another(storage: Storage) -> None:
    mine = await storage.upload(b"mine")
    await storage.upload(b"theirs", who="stranger", parent="projects/elsewhere")
    assert await storage.listed() == [mine.name]


async def test_batch_get_keeps_the_order_and_marks_the_unknown(on_both: Storage) -> None:
    names = await fill(on_both)
    nobody = f"{PARENT}/assets/{'0' * 32}"
    request = service_pb2.BatchGetAssetsRequest(parent=PARENT, names=[names[3], nobody, names[0], names[3]])
    results = (await on_both.call("BatchGetAssets", request)).results
    assert [result.asset.name for result in results] == [names[3], "", names[0], names[3]]
    assert Refusal(results[1].status).said == (grpc.StatusCode.NOT_FOUND, "ASSET_NOT_FOUND")
    assert results[0].asset == await on_both.get(names[3])
