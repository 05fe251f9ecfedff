"""UploadAsset over a real socket: what goes in, and what is refused without a trace."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator

import grpc
import grpc.aio
import pytest

from labelmill.storage.v1 import resources_pb2, service_pb2
from tests.storage.client import PARENT, Part, Storage, header, parts, refused
from tests.storage.conftest import Start

TEXT = "Grüße aus Köln, 世界 🌍".encode()
INVALID = grpc.StatusCode.INVALID_ARGUMENT


async def test_uploaded_text_is_described_and_comes_back(on_stores: Storage) -> None:
    asset = await on_stores.upload(TEXT, external_id="letter.txt", labels={"set": "nyt"})
    assert asset.name.startswith(f"{PARENT}/assets/")
    assert asset.zone == resources_pb2.ZONE_RAW
    assert asset.raw == resources_pb2.Content(
        sha256=hashlib.sha256(TEXT).hexdigest(),
        size_bytes=len(TEXT),
        media_type="text/plain",
        text_length=len(TEXT.decode()),
        language="de",
    )
    assert not asset.HasField("clean")
    assert (asset.external_id, dict(asset.labels)) == ("letter.txt", {"set": "nyt"})
    assert asset.create_time == asset.update_time
    assert await on_stores.get(asset.name) == asset
    assert await on_stores.download(asset.name) == (asset.raw, TEXT)


async def test_large_content_comes_back_whole_and_in_ranges(on_stores: Storage) -> None:
    content = os.urandom(13 * 1024 * 1024 + 5)
    asset = await on_stores.upload(content)
    assert asset.raw.media_type == "application/octet-stream"
    assert (await on_stores.download(asset.name))[1] == content
    for offset, length in ((0, 1), (4 * 1024**2 - 1, 2), (9_000_000, 3_000_000), (len(content) - 1, 0)):
        end = offset + length if length else len(content)
        assert (await on_stores.download(asset.name, offset=offset, length=length))[1] == content[offset:end]


async def test_same_content_is_one_asset_as_it_was_first(storage: Storage) -> None:
    first = await storage.upload(TEXT, external_id="first")
    assert await storage.upload(TEXT, external_id="second", media_type="text/html") == first
    assert len(storage.files()) == 1
    assert await storage.listed() == [first.name]


async def test_simultaneous_uploads_of_one_content_all_succeed_with_one_asset(on_both: Storage) -> None:
    content = os.urandom(300_000)
    assets = await asyncio.gather(*(on_both.upload(content) for _ in range(8)))
    assert len({asset.name for asset in assets}) == 1
    assert await on_both.listed() == [assets[0].name]
    assert len(on_both.files()) == 1
    assert on_both.staged() == []


async def nothing_remains(storage: Storage) -> bool:
    return not storage.files() and not storage.staged() and not await storage.listed()


DIGEST = hashlib.sha256(b"ab").hexdigest()
SEQUENCES = {
    "no checksum": [header(), Part(chunk=b"ab")],
    "nothing after the header": [header()],
    "second header": [header(), Part(chunk=b"ab"), header(), Part(sha256=DIGEST)],
    "chunk after the checksum": [header(), Part(chunk=b"ab"), Part(sha256=DIGEST), Part(chunk=b"c")],
    "second checksum": [header(), Part(chunk=b"ab"), Part(sha256=DIGEST), Part(sha256=DIGEST)],
}


@pytest.mark.parametrize("messages", SEQUENCES.values(), ids=SEQUENCES.keys())
async def test_senseless_sequence_is_refused_and_leaves_nothing(storage: Storage, messages: list[Part]) -> None:
    refusal = await refused(storage.send(messages))
    assert refusal.said == (INVALID, "UPLOAD_SEQUENCE")
    assert await nothing_remains(storage)


async def test_upload_without_header_cannot_be_authorised(storage: Storage) -> None:
    refusal = await refused(storage.send([Part(chunk=b"ab"), Part(sha256=DIGEST)]))
    assert refusal.said == (INVALID, "INVALID_NAME")
    assert "header.parent" in refusal.fields


@pytest.mark.parametrize(
    ("content", "values", "reason"),
    [
        (b"", {}, "EMPTY_CONTENT"),
        (b"", {"media_type": "text/plain"}, "EMPTY_CONTENT"),
        (b"caf\xe9", {"media_type": "text/plain"}, "INVALID_UTF8"),
        (b"x" * 2_000_000 + b"\xff", {"media_type": "text/plain"}, "INVALID_UTF8"),
        (b"text", {"sha256": "0" * 64}, "CHECKSUM_MISMATCH"),
        (b"x" * 3_000_000, {"sha256": "0" * 64}, "CHECKSUM_MISMATCH"),
        (b"text", {"media_type": "no type"}, "INVALID_MEDIA_TYPE"),
        (b"text", {"external_id": "a\0b"}, "INVALID_TEXT"),
        (b"text", {"labels": {"k": "a\0b"}}, "INVALID_TEXT"),
        (b"text", {"sha256": "not a hash"}, "INVALID_REQUEST"),
        (b"text", {"size_bytes": -1}, "INVALID_REQUEST"),
        (b"x" * 300_000, {"chunk_bytes": 300_000}, "INVALID_REQUEST"),
    ],
)
async def test_bad_content_is_refused_and_leaves_nothing(
    storage: Storage, content: bytes, values: dict[str, object], reason: str
) -> None:
    refusal = await refused(storage.upload(content, **values))
    assert refusal.said == (INVALID, reason)
    assert await nothing_remains(storage)


async def test_offset_of_invalid_utf8_is_told(storage: Storage) -> None:
    refusal = await refused(storage.upload(b"ab\xffcd", media_type="text/plain"))
    assert refusal.metadata == {"offset_bytes": "2"}


async def test_five_gigabytes_and_a_byte_are_refused_by_the_header_alone(storage: Storage) -> None:
    async def header_then_silence() -> AsyncIterator[Part]:
        yield header(size_bytes=5 * 1024**3 + 1)
        await asyncio.sleep(30)

    async with asyncio.timeout(5):
        refusal = await refused(storage.send(header_then_silence()))
    assert refusal.said == (grpc.StatusCode.RESOURCE_EXHAUSTED, "CONTENT_TOO_LARGE")
    assert refusal.metadata == {"limit_bytes": str(5 * 1024**3)}
    assert await nothing_remains(storage)


async def test_content_over_the_limit_is_refused_while_it_streams(start: Start) -> None:
    async def three_mebibytes_then_silence() -> AsyncIterator[Part]:
        yield header()
        for _ in range(12):
            yield Part(chunk=b"x" * 262_144)
        await asyncio.sleep(30)

    async with start(max_asset_bytes=3_000_000) as storage:
        async with asyncio.timeout(5):
            refusal = await refused(storage.send(three_mebibytes_then_silence()))
        assert refusal.said == (grpc.StatusCode.RESOURCE_EXHAUSTED, "CONTENT_TOO_LARGE")
        assert await nothing_remains(storage)
        assert (await storage.upload(b"x" * 3_000_000)).raw.size_bytes == 3_000_000


@pytest.mark.parametrize(
    ("who", "parent", "code", "reason"),
    [
        (None, PARENT, grpc.StatusCode.UNAUTHENTICATED, "MISSING_API_KEY"),
        ("annotator", PARENT, grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED"),
        ("reviewer", PARENT, grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED"),
        ("stranger", PARENT, grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED"),
        ("service", "projects/unknown", grpc.StatusCode.NOT_FOUND, "PROJECT_NOT_FOUND"),
        ("service", "projects/../etc", INVALID, "INVALID_NAME"),
        ("service", "projects/A", INVALID, "INVALID_NAME"),
    ],
)
async def test_wrong_caller_or_project_is_refused_and_leaves_nothing(
    storage: Storage, who: str | None, parent: str, code: grpc.StatusCode, reason: str
) -> None:
    refusal = await refused(storage.upload(TEXT, who=who, parent=parent))
    assert refusal.said == (code, reason)
    assert await nothing_remains(storage)


@pytest.mark.parametrize("give_up", ["cancel", "deadline"])
async def test_upload_that_is_given_up_leaves_nothing(storage: Storage, give_up: str) -> None:
    staged = asyncio.Event()

    async def stuck() -> AsyncIterator[Part]:
        yield header()
        for _ in range(8):
            yield Part(chunk=b"x" * 262_144)
        while not storage.staged():
            await asyncio.sleep(0.01)
        staged.set()
        await asyncio.sleep(60)

    call = storage.stub.UploadAsset(
        stuck(), metadata=storage.as_("manager"), timeout=1.5 if give_up == "deadline" else 60
    )
    await asyncio.wait_for(staged.wait(), 10)
    if give_up == "cancel":
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    else:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    async with asyncio.timeout(5):
        while storage.staged():
            await asyncio.sleep(0.01)
    assert await nothing_remains(storage)


async def test_ids_and_contents_survive_a_restart(start: Start) -> None:
    async with start() as storage:
        asset = await storage.upload(TEXT)
    async with start() as storage:
        assert await storage.upload(TEXT) == asset
        assert (await storage.download(asset.name))[1] == TEXT
        assert len(storage.files()) == 1


async def test_name_reveals_nothing_of_the_content(storage: Storage) -> None:
    here = await storage.upload(TEXT)
    there = await storage.upload(TEXT, who="service", parent="projects/elsewhere")
    ids = {asset.name.rpartition("/")[2] for asset in (here, there)}
    assert len(ids) == 2
    assert all(asset_id not in hashlib.sha256(TEXT).hexdigest() for asset_id in ids)


async def test_unreachable_object_store_is_unavailable_and_records_nothing(start: Start) -> None:
    away = {"object_store": "minio", "minio_endpoint": "127.0.0.1:1", "minio_secure": False}
    credentials = dict.fromkeys(("raw_access_key", "raw_secret_key", "clean_access_key", "clean_secret_key"), "x")
    async with start(**away, **credentials) as storage:
        refusal = await refused(storage.send(parts(TEXT)))
        assert refusal.said == (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
        request = service_pb2.BatchCreateAssetsRequest(
            parent=PARENT, items=[service_pb2.BatchCreateAssetsRequest.Item(content=TEXT)]
        )
        refusal = await refused(storage.call("BatchCreateAssets", request))
        assert refusal.said == (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
        assert await storage.listed() == []
