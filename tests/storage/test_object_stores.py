"""What every object store promises, on local files and on a real S3 server."""

import asyncio
import hashlib
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labelmill_storage.assets import Zone
from labelmill_storage.ports import ObjectKey, ObjectMissing, ObjectStore
from tests.storage.conftest import PART_BYTES


def key_of(content: bytes, *, zone: Zone = Zone.RAW, project: str = "news") -> ObjectKey:
    return ObjectKey(zone, project, hashlib.sha256(content).hexdigest())


def fresh(size: int = 64) -> bytes:
    return os.urandom(size)


@pytest.mark.parametrize("size", [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES + 17])
async def test_staged_object_comes_back_as_it_went_in(store: ObjectStore, size: int) -> None:
    content = fresh(size)
    async with store.stage(Zone.RAW, "news") as staged:
        for start in range(0, size, 1_000_003):
            await staged.write(content[start : start + 1_000_003])
        assert not await store.exists(key_of(content))
        await staged.commit(key_of(content))
    assert await store.exists(key_of(content))
    assert await store.read(key_of(content), 0, size + 10) == content
    assert await store.read_many([key_of(content)]) == [content]


async def test_object_that_is_not_committed_never_was(store: ObjectStore) -> None:
    content = fresh(2 * PART_BYTES + 1)
    async with store.stage(Zone.RAW, "news") as staged:
        await staged.write(content)
    assert not await store.exists(key_of(content))
    assert await store.sweep() == 0


async def test_same_object_may_be_committed_twice_at_once(store: ObjectStore) -> None:
    content = fresh(PART_BYTES + 5)

    async def upload() -> None:
        async with store.stage(Zone.CLEAN, "news") as staged:
            await staged.write(content)
            await staged.commit(key_of(content, zone=Zone.CLEAN))

    await asyncio.gather(*(upload() for _ in range(4)))
    assert await store.read(key_of(content, zone=Zone.CLEAN), 0, len(content)) == content


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
    assert await store.read_many([]) == []
    assert await store.ping()


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
