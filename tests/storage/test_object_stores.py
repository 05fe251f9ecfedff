"""What every object store promises, on local files and on a real S3 server."""

import asyncio
import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labelmill_storage.assets import Content, Zone
from labelmill_storage.ports import ListedObject, ObjectKey, ObjectMissing, ObjectStore, StagedObject, UploadActive
from tests.storage.conftest import PART_BYTES
from tests.storage.http import get, put


def key_of(content: bytes, *, zone: Zone = Zone.RAW, project: str = "news") -> ObjectKey:
    return ObjectKey(zone, project, hashlib.sha256(content).hexdigest())


def fresh(size: int = 64) -> bytes:
    return os.urandom(size)


async def write(staged: StagedObject, content: bytes, chunk: int = 1_000_003) -> None:
    for start in range(0, len(content), chunk):
        await staged.write(content[start : start + chunk])


async def commit(staged: StagedObject, content: bytes, zone: Zone = Zone.RAW) -> ObjectKey:
    key = key_of(content, zone=zone)
    return replace(key, location=await staged.commit(key))


async def stored(store: ObjectStore, content: bytes, zone: Zone = Zone.RAW) -> ObjectKey:
    async with store.stage(zone, "news") as staged:
        await write(staged, content)
        return await commit(staged, content, zone)


async def listed(store: ObjectStore, zone: Zone = Zone.RAW) -> dict[str, ListedObject]:
    return {found.path: found async for page in store.list_objects(zone) for found in page}


async def read_back(staged: StagedObject) -> bytes:
    return b"".join([data async for data in staged.read_back()])


@pytest.mark.parametrize(
    "size", [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 4 * PART_BYTES, 5 * PART_BYTES + 17]
)
async def test_staged_object_comes_back_as_it_went_in(store: ObjectStore, size: int) -> None:
    content = fresh(size)
    async with store.stage(Zone.RAW, "news") as staged:
        await write(staged, content)
        assert staged.received_bytes == size
        assert not await store.exists(key_of(content))
        key = await commit(staged, content)
    assert await store.exists(key)
    assert await store.read(key, 0, size + 10) == content
    assert await store.read_many([key]) == [content]


async def test_object_that_is_not_committed_never_was(store: ObjectStore) -> None:
    content, before = fresh(2 * PART_BYTES + 1), await listed(store)
    async with store.stage(Zone.RAW, "news") as staged:
        await write(staged, content)
        assert await listed(store) == before
    async with store.stage(Zone.RAW, "news") as staged:
        await write(staged, content)
        await staged.seal()
    assert await listed(store) == before
    assert await store.sweep() == 0


async def test_same_object_may_be_committed_twice_at_once(store: ObjectStore) -> None:
    content = fresh(PART_BYTES + 5)
    keys = await asyncio.gather(*(stored(store, content, Zone.CLEAN) for _ in range(4)))
    assert await store.read_many(keys) == [content] * 4


async def test_zones_and_projects_are_apart(store: ObjectStore) -> None:
    content = fresh()
    await store.put_many({key_of(content): content})
    assert not await store.exists(key_of(content, zone=Zone.CLEAN))
    assert not await store.exists(key_of(content, project="other"))


async def test_many_small_objects_go_in_and_out_in_order(store: ObjectStore) -> None:
    contents = [fresh(200) for _ in range(100)]
    await store.put_many({key_of(content): content for content in contents})
    missing = key_of(b"never stored" + fresh())
    found = await store.read_many([*(key_of(c) for c in contents[::-1]), missing])
    assert found[:-1] == contents[::-1]
    assert isinstance(found[-1], ObjectMissing)


async def test_missing_object_is_data_loss(store: ObjectStore) -> None:
    with pytest.raises(ObjectMissing):
        await store.read(key_of(fresh()), 0, 10)


async def test_nothing_to_do_is_done(store: ObjectStore) -> None:
    await store.put_many({})
    await store.remove_many(Zone.RAW, [])
    assert await store.read_many([]) == []
    assert await store.ping()


@pytest.mark.parametrize("size", [1, PART_BYTES, 2 * PART_BYTES + 3])
async def test_upload_goes_on_where_it_was_left(store: ObjectStore, size: int) -> None:
    content = fresh(size)
    handle = await store.begin_upload(Zone.RAW, "news", size)
    assert await store.received(Zone.RAW, handle) == 0
    async with store.continue_upload(Zone.RAW, handle) as staged:
        await write(staged, content[: size - 1])
    kept = await store.received(Zone.RAW, handle)
    assert kept <= size - 1
    async with store.continue_upload(Zone.RAW, handle) as staged:
        assert staged.received_bytes == kept
        await write(staged, content[kept:])
        await staged.seal()
        assert await read_back(staged) == content
        key = await commit(staged, content)
    assert await store.read(key, 0, size) == content
    assert set(await listed(store)) >= {key.path}


async def test_sealed_upload_that_was_not_committed_is_whole_next_time(store: ObjectStore) -> None:
    content = fresh(PART_BYTES + 1)
    handle = await store.begin_upload(Zone.RAW, "news", 0)
    async with store.continue_upload(Zone.RAW, handle) as staged:
        await write(staged, content)
        await staged.seal()
    assert await store.received(Zone.RAW, handle) == len(content)
    async with store.continue_upload(Zone.RAW, handle) as staged:
        assert staged.received_bytes == len(content)
        key = await commit(staged, content)
    assert await store.read(key, 0, len(content)) == content


async def test_one_connection_at_a_time_writes_to_an_upload(store: ObjectStore) -> None:
    handle = await store.begin_upload(Zone.RAW, "news", 0)
    async with store.continue_upload(Zone.RAW, handle):
        with pytest.raises(UploadActive) as caught:
            async with store.continue_upload(Zone.RAW, handle):
                pass
        assert await store.received(Zone.RAW, handle) == 0
    assert caught.value.retry_after_s is not None
    async with store.continue_upload(Zone.RAW, handle):
        pass


async def test_dropped_upload_is_gone(store: ObjectStore) -> None:
    handle = await store.begin_upload(Zone.RAW, "news", 0)
    async with store.continue_upload(Zone.RAW, handle) as staged:
        await write(staged, fresh(PART_BYTES + 1))
    for _ in range(2):
        await store.drop_upload(Zone.RAW, handle)
    with pytest.raises(ObjectMissing):
        await store.received(Zone.RAW, handle)
    with pytest.raises(ObjectMissing):
        async with store.continue_upload(Zone.RAW, handle):
            pass


async def test_upload_that_is_dropped_while_it_is_written_cannot_be_committed(store: ObjectStore) -> None:
    content, before = fresh(PART_BYTES + 1), await listed(store)
    handle = await store.begin_upload(Zone.RAW, "news", 0)
    async with store.continue_upload(Zone.RAW, handle) as staged:
        await write(staged, content)
        await store.drop_upload(Zone.RAW, handle)
        with pytest.raises(ObjectMissing):
            await commit(staged, content)
    assert await listed(store) == before


async def test_two_uploads_of_one_content_at_once_both_end_well(store: ObjectStore) -> None:
    content = fresh(2 * PART_BYTES)

    async def upload() -> ObjectKey:
        handle = await store.begin_upload(Zone.RAW, "news", len(content))
        async with store.continue_upload(Zone.RAW, handle) as staged:
            await write(staged, content)
            return await commit(staged, content)

    keys = await asyncio.gather(upload(), upload())
    assert await store.read_many(keys) == [content, content]


async def test_sweep_leaves_uploads_alone(store: ObjectStore) -> None:
    handle = await store.begin_upload(Zone.RAW, "news", 0)
    await store.sweep()
    assert await store.received(Zone.RAW, handle) == 0


async def test_removed_objects_are_gone_and_the_others_stay(store: ObjectStore) -> None:
    small, large, other = fresh(), fresh(PART_BYTES + 1), fresh()
    keys = [await stored(store, content) for content in (small, large, other)]
    found = await listed(store)
    assert [found[key.path].size_bytes for key in keys] == [len(small), len(large), len(other)]
    gone = [key.path for key in keys[:2]]
    for _ in range(2):
        await store.remove_many(Zone.RAW, [*gone, "news/ab/never-there"])
    assert [await store.exists(key) for key in keys] == [False, False, True]
    assert set(await listed(store)).isdisjoint(gone)
    assert keys[2].path in await listed(store)


async def test_put_by_url_becomes_an_object(store: ObjectStore) -> None:
    content = fresh(PART_BYTES + 100)
    handle = await store.begin_upload(Zone.RAW, "news", len(content))
    url = await store.upload_url(Zone.RAW, handle, 60)
    assert (await put(url, content)).status == 200
    assert await store.received(Zone.RAW, handle) == len(content)
    async with store.continue_upload(Zone.RAW, handle) as staged:
        await staged.seal()
        assert await read_back(staged) == content
        key = await commit(staged, content)
    assert (await put(url, content[::-1])).status in {404, 412}  # an object never changes
    assert await store.read(key, 0, len(content)) == content


@pytest.mark.parametrize("difference", [-1, 1])
async def test_put_of_another_size_than_announced_is_refused(store: ObjectStore, difference: int) -> None:
    handle = await store.begin_upload(Zone.RAW, "news", 1000)
    url = await store.upload_url(Zone.RAW, handle, 60)
    answer = await put(
        replace(url, headers={k: v for k, v in url.headers.items() if k != "Content-Length"}), fresh(1000 + difference)
    )
    assert answer.status in {400, 403, 413}
    assert await store.received(Zone.RAW, handle) == 0


async def test_get_by_url_gives_whole_and_range_with_the_recorded_media_type(store: ObjectStore) -> None:
    content = fresh(3000)
    key = await stored(store, content)
    url = await store.download_url(key, Content(key.sha256, len(content), "text/html"), 60)
    whole, part = await get(url), await get(url, {"Range": "bytes=10-19"})
    assert (whole.status, whole.body) == (200, content)
    assert (part.status, part.body) == (206, content[10:20])
    assert whole.headers["Content-Type"] == "text/html"
    assert whole.headers["Content-Disposition"] == "attachment"
    assert "no-store" in whole.headers["Cache-Control"]


async def test_expired_and_tampered_urls_are_refused(store: ObjectStore) -> None:
    content = fresh()
    key, other = await stored(store, content), await stored(store, fresh())
    described = Content(key.sha256, len(content), "text/plain")
    handle = await store.begin_upload(Zone.RAW, "news", 64)
    for expired in (await store.download_url(key, described, -1), await store.upload_url(Zone.RAW, handle, -1)):
        assert (await (get(expired) if expired.method == "GET" else put(expired, content))).status in {400, 403}
    good = await store.download_url(key, described, 60)
    for old, new in (
        (key.path, other.path),
        ("text%2Fplain", "text%2Fhtml"),
        ("raw", "clean"),
        (good.url[-8:], "00000000"),
    ):
        assert old in good.url
        assert (await get(replace(good, url=good.url.replace(old, new)))).status == 403
    assert (await put(good, content)).status == 403
    assert (await get(good)).body == content


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(0, 3000), offset=st.integers(0, 4000), length=st.integers(1, 4000))
def test_range_reads_are_slices(range_reader: "RangeReader", size: int, offset: int, length: int) -> None:
    content = bytes(number * 7 % 251 for number in range(size))
    assert range_reader(content, offset, length) == content[offset : offset + length]


class RangeReader:
    """Stores and reads on a loop of its own, because hypothesis calls tests synchronously."""

    def __init__(self, store: ObjectStore, runner: asyncio.Runner) -> None:
        self._store = store
        self._runner = runner

    def __call__(self, content: bytes, offset: int, length: int) -> bytes:
        return self._runner.run(self._stored_and_read(content, offset, length))

    async def _stored_and_read(self, content: bytes, offset: int, length: int) -> bytes:
        await self._store.put_many({key_of(content): content})
        return await self._store.read(key_of(content), offset, length)


@pytest.fixture
def range_reader(store: ObjectStore) -> Iterator["RangeReader"]:
    with asyncio.Runner() as runner:
        yield RangeReader(store, runner)
