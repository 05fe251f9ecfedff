"""What the local store's own URLs promise beyond every store's."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from yarl import URL

from labelmill_runtime.errors import FailedPrecondition
from labelmill_storage.adapters.objects.local_files import LocalFiles
from labelmill_storage.adapters.objects.local_urls import LocalUrls
from labelmill_storage.adapters.objects.url_signatures import Permit, permit_of
from labelmill_storage.assets import Content, Zone
from labelmill_storage.ports import SignedUrl
from labelmill_storage.settings import StorageSettings
from tests.storage.http import get, put
from tests.storage.test_object_stores import fresh, key_of, stored

KEY = b"a key of the tests"


@pytest.fixture
async def files(tmp_path: Path) -> AsyncIterator[LocalFiles]:
    store = LocalFiles(tmp_path, urls=LocalUrls(KEY))
    await store.start()
    yield store
    await store.close()


async def url_of(files: LocalFiles, content: bytes, media_type: str = "text/html") -> SignedUrl:
    key = await stored(files, content)
    return await files.download_url(key, Content(key.sha256, len(content), media_type), 60)


async def test_answers_run_nothing_in_a_browser_and_may_be_read_by_any_page(files: LocalFiles) -> None:
    answer = await get(await url_of(files, fresh()))
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


async def test_browsers_are_told_beforehand_that_they_may_put(files: LocalFiles) -> None:
    handle = await files.begin_upload(Zone.RAW, "news", 4)
    url = await files.upload_url(Zone.RAW, handle, 60)
    async with aiohttp.ClientSession() as session, session.options(URL(url.url, encoded=True)) as answer:
        assert answer.status == 204
        assert "PUT" in answer.headers["Access-Control-Allow-Methods"]


@pytest.mark.parametrize("origin", ["https://tool.example", ""])
async def test_pages_of_other_origins_may_be_kept_from_reading(tmp_path: Path, origin: str) -> None:
    store = LocalFiles(tmp_path, urls=LocalUrls(KEY, allow_origin=origin))
    await store.start()
    answer = await get(await url_of(store, fresh()))
    assert answer.headers.get("Access-Control-Allow-Origin", "") == origin
    await store.close()


async def test_url_of_another_replica_with_the_same_key_and_directory_works_here(
    files: LocalFiles, tmp_path: Path
) -> None:
    content = fresh()
    url = await url_of(files, content)
    other = LocalFiles(tmp_path, urls=LocalUrls(KEY))
    stranger = LocalFiles(tmp_path, urls=LocalUrls(b"another key"))
    for store, status in ((other, 200), (stranger, 403)):
        await store.start()
        there = await url_of(store, content)
        moved = urlsplit(url.url)._replace(netloc=urlsplit(there.url).netloc).geturl()
        assert (await get(replace(url, url=moved))).status == status
        await store.close()


async def test_url_begins_with_the_public_address(tmp_path: Path) -> None:
    store = LocalFiles(tmp_path, urls=LocalUrls(KEY, base="https://labels.example/objects/"))
    assert (await url_of(store, fresh())).url.startswith("https://labels.example/objects/raw/news/")
    await store.close()


async def test_removed_content_is_not_found(files: LocalFiles) -> None:
    content = fresh()
    url = await url_of(files, content)
    await files.remove_many(Zone.RAW, [key_of(content).path])
    assert (await get(url)).status == 404


async def test_put_that_breaks_off_is_as_if_it_had_never_begun(files: LocalFiles) -> None:
    handle = await files.begin_upload(Zone.RAW, "news", 3_000_000)
    url = await files.upload_url(Zone.RAW, handle, 60)
    where = urlsplit(url.url)
    _, writer = await asyncio.open_connection(where.hostname, where.port)
    head = f"PUT {where.path}?{where.query} HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n"
    writer.write(head.encode() + bytes(2_500_000))
    await writer.drain()
    while await files.received(Zone.RAW, handle) == 0:
        await asyncio.sleep(0.01)
    assert (await put(url, bytes(3_000_000))).status == 409  # the other one is still at it
    writer.close()
    while await files.received(Zone.RAW, handle) != 0:
        await asyncio.sleep(0.01)
    while (answer := await put(url, bytes(3_000_000))).status == 409:
        await asyncio.sleep(0.01)
    assert answer.status == 200
    assert await files.received(Zone.RAW, handle) == 3_000_000


async def test_put_without_a_length_stops_at_the_announced_size(files: LocalFiles) -> None:
    handle = await files.begin_upload(Zone.RAW, "news", 1000)
    url = await files.upload_url(Zone.RAW, handle, 60)

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(500)

    async with aiohttp.ClientSession() as session:
        try:
            async with session.put(URL(url.url, encoded=True), data=endless()) as answer:
                assert answer.status == 413
        except aiohttp.ClientError:
            pass  # the server closed while more was being sent
    assert await files.received(Zone.RAW, handle) == 0


async def test_nothing_of_a_url_is_logged(files: LocalFiles, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    url = await url_of(files, fresh())
    assert (await get(url)).status == 200
    assert (await get(replace(url, url=url.url.replace("signature=", "signature=0")))).status == 403
    assert not any("news" in record.getMessage() or "signature" in record.getMessage() for record in caplog.records)


async def test_without_a_server_there_are_no_urls(tmp_path: Path) -> None:
    store = LocalFiles(tmp_path)
    with pytest.raises(FailedPrecondition) as caught:
        await store.download_url(key_of(b"x"), Content("0" * 64, 1, "text/plain"), 60)
    assert caught.value.reason == "URLS_UNAVAILABLE"
    await store.close()


def test_serving_beyond_loopback_needs_a_proxy() -> None:
    with pytest.raises(ValidationError, match="url_base"):
        StorageSettings(url_host="0.0.0.0")
    StorageSettings(url_host="0.0.0.0", url_base="https://labels.example")


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@given(path=texts, media_type=texts, size=st.integers(0, 10**12), other=texts)
def test_permit_is_proved_by_its_own_query_alone(path: str, media_type: str, size: int, other: str) -> None:
    permit = Permit("PUT", Zone.RAW, path, 1000, size, media_type)
    query = dict(URL(f"?{permit.query(KEY)}", encoded=True).query)
    assert permit_of(KEY, "PUT", "raw", path, query, 999.9) == permit
    assert permit_of(KEY, "PUT", "raw", path, query, 1000) is None
    assert permit_of(KEY, "GET", "raw", path, query, 999.9) is None
    assert permit_of(KEY, "PUT", "clean", path, query, 999.9) is None
    assert permit_of(KEY, "PUT", "nowhere", path, query, 999.9) is None
    assert permit_of(b"another", "PUT", "raw", path, query, 999.9) is None
    for name, value in (("type", other), ("bytes", str(size + 1)), ("expires", "1001"), ("signature", other)):
        if query[name] != value:
            assert permit_of(KEY, "PUT", "raw", path, {**query, name: value}, 999.9) is None
    if other != path:
        assert permit_of(KEY, "PUT", "raw", other, query, 999.9) is None
