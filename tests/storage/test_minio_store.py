"""What the S3 store promises beyond every store."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from labelmill_runtime.errors import Internal, Unavailable
from labelmill_storage.adapters.objects import multipart, s3_calls
from labelmill_storage.adapters.objects.minio import BucketAccess, MinioStore
from labelmill_storage.assets import Content, Zone
from labelmill_storage.ports import ObjectKey
from tests.storage.conftest import PART_BYTES, minio_store
from tests.storage.test_object_stores import commit, fresh, key_of, listed, stored, write
from tests.support.s3 import CLEAN_BUCKET, RAW_BUCKET, S3Server


def unfinished(s3: S3Server) -> list[str]:
    found = s3.client(s3.admin)._list_multipart_uploads(RAW_BUCKET).uploads
    return [str(upload.object_name) for upload in found]


@contextmanager
def away(s3: S3Server) -> Iterator[None]:
    s3.pause()
    try:
        yield
    finally:
        s3.resume()


def later(s3: S3Server, **by: float) -> MinioStore:
    return minio_store(s3, now=lambda: datetime.now(UTC) + timedelta(**by))


async def test_large_object_goes_straight_to_a_place_of_its_own(s3: S3Server) -> None:
    store = minio_store(s3)
    before = set(unfinished(s3))
    async with store.stage(Zone.RAW, "news") as upload:
        await write(upload, content := fresh(3 * PART_BYTES))
        (path,) = set(unfinished(s3)) - before
        key = await commit(upload, content)
    assert key.path == path
    assert path.startswith("news/large/")
    assert set(unfinished(s3)) == before
    await store.close()


async def test_object_of_one_part_lies_under_its_hash(s3: S3Server) -> None:
    store = minio_store(s3)
    content = fresh(PART_BYTES)
    key = await stored(store, content)
    assert key.path == f"news/{key.sha256[:2]}/{key.sha256}"
    handle = await store.begin_upload(Zone.RAW, "news", 0)
    async with store.continue_upload(Zone.RAW, handle) as upload:
        await write(upload, content[:1000])
        key = await commit(upload, content[:1000])
    assert key.location == ""
    assert handle.partition("|")[0] not in unfinished(s3)
    await store.close()


async def test_sweep_takes_what_dead_connections_left_and_spares_uploads(s3: S3Server) -> None:
    store, tomorrow = minio_store(s3), later(s3, hours=25)
    handle = await store.begin_upload(Zone.RAW, "news", 0)
    async with store.stage(Zone.RAW, "news") as upload:
        await write(upload, fresh(PART_BYTES + 1))
        await asyncio.sleep(0)
        assert await store.sweep() == 0
        while not any("/large/s-" in path for path in unfinished(s3)):  # it is on its way
            await asyncio.sleep(0.01)
        assert await tomorrow.sweep() == 1
        assert not any("/large/s-" in path for path in unfinished(s3))
    assert await tomorrow.received(Zone.RAW, handle) == 0
    await store.drop_upload(Zone.RAW, handle)
    await store.close()
    await tomorrow.close()


async def test_cancelled_upload_leaves_no_parts(s3: S3Server) -> None:
    store = minio_store(s3)
    before, started = unfinished(s3), asyncio.Event()

    async def upload() -> None:
        async with store.stage(Zone.RAW, "news") as parts:
            await parts.write(os.urandom(2 * PART_BYTES))
            started.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(upload())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert unfinished(s3) == before
    await store.close()


async def test_upload_outlives_a_server_that_is_away_for_a_while(s3: S3Server) -> None:
    store = minio_store(s3, read_timeout_s=0.5)
    content = fresh(4 * PART_BYTES)
    async with store.stage(Zone.RAW, "news") as upload:
        await write(upload, content[:PART_BYTES])
        with away(s3):
            writing = asyncio.create_task(write(upload, content[PART_BYTES:]))
            await asyncio.sleep(1.5)
        await writing
        key = await commit(upload, content)
    assert await store.read(key, 0, len(content)) == content
    await store.close()


async def test_upload_that_a_lost_server_broke_off_is_continued(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "_PAUSES_S", (0.05,))
    store, impatient = minio_store(s3), minio_store(s3, read_timeout_s=0.3)
    content = fresh(3 * PART_BYTES)
    handle = await store.begin_upload(Zone.RAW, "news", len(content))
    async with store.continue_upload(Zone.RAW, handle) as upload:
        await write(upload, content[: PART_BYTES + 1])

    async def go_on(with_store: MinioStore) -> ObjectKey:
        async with with_store.continue_upload(Zone.RAW, handle) as upload:
            assert upload.received_bytes >= PART_BYTES
            await write(upload, content[upload.received_bytes :])
            return await commit(upload, content)

    with away(s3), pytest.raises(Unavailable) as caught:
        await go_on(impatient)
    assert caught.value.reason == "STORE_UNAVAILABLE"
    key = await go_on(store)
    assert await store.read(key, 0, len(content)) == content
    await store.close()
    await impatient.close()


async def test_killed_process_leaves_nothing_readable_and_the_parts_to_continue_with(
    s3: S3Server, tmp_path: Path
) -> None:
    store = minio_store(s3)
    content, before = fresh(2 * PART_BYTES + 1), await listed(store)
    handle = await store.begin_upload(Zone.RAW, "news", len(content))
    (tmp_path / "content").write_bytes(content)
    code = (
        "import asyncio, os, signal, sys; from pathlib import Path\n"
        "from labelmill_storage.adapters.objects.minio import BucketAccess, MinioStore\n"
        "from labelmill_storage.assets import Zone\n"
        "endpoint, bucket, key, secret, folder, handle, part = sys.argv[1:]\n"
        "async def run():\n"
        "    access = BucketAccess(bucket, key, secret)\n"
        "    zones, options = {Zone.RAW: access}, {'spool_dir': Path(folder), 'part_bytes': int(part)}\n"
        "    store = MinioStore(endpoint, zones, secure=False, **options)\n"
        "    async with store.continue_upload(Zone.RAW, handle) as staged:\n"
        "        await staged.write(Path(folder, 'content').read_bytes())\n"
        "        while await store.received(Zone.RAW, handle) < 2 * int(part): await asyncio.sleep(0.05)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(run())\n"
    )
    arguments = [s3.endpoint, RAW_BUCKET, s3.raw.access_key, s3.raw.secret_key, str(tmp_path), handle, str(PART_BYTES)]
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code, *arguments], timeout=60)
    assert done.returncode == -9
    assert [path.name for path in tmp_path.iterdir()] == ["content"]  # the spool has no name
    assert await listed(store) == before
    async with store.continue_upload(Zone.RAW, handle) as upload:
        assert upload.received_bytes == 2 * PART_BYTES
        await write(upload, content[2 * PART_BYTES :])
        key = await commit(upload, content)
    assert await store.read(key, 0, len(content)) == content
    await store.close()


async def test_listings_go_on_after_a_page(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_calls, "_PAGE", 2)
    store = minio_store(s3)
    keys = [await stored(store, fresh(), Zone.CLEAN) for _ in range(5)]
    pages = [page async for page in store.list_objects(Zone.CLEAN)]
    assert {key.path for key in keys} <= {found.path for page in pages for found in page}
    assert max(len(page) for page in pages) == 2
    handles = [await store.begin_upload(Zone.RAW, "news", 0) for _ in range(3)]
    async with store.continue_upload(Zone.RAW, handles[0]) as upload:
        await write(upload, fresh(4 * PART_BYTES))
    assert await store.received(Zone.RAW, handles[0]) == 3 * PART_BYTES
    old = store._buckets[Zone.RAW].begun_before(datetime.now(UTC) + timedelta(hours=1))
    assert {f"{path}|0|{upload_id}" for path, upload_id in old} >= set(handles)
    for handle in handles:
        await store.drop_upload(Zone.RAW, handle)
    await store.close()


async def test_urls_name_the_server_as_others_reach_it(s3: S3Server) -> None:
    store = minio_store(s3, public_url="https://objects.example:8443/")
    url = await store.download_url(key_of(b"x"), Content("0" * 64, 1, "text/plain"), 60)
    assert urlsplit(url.url).netloc == "objects.example:8443"
    assert urlsplit(url.url).scheme == "https"
    await store.close()


async def test_a_put_of_the_announced_size_is_signed_and_works_once(s3: S3Server) -> None:
    store = minio_store(s3)
    handle = await store.begin_upload(Zone.RAW, "news", 1000)
    url = await store.upload_url(Zone.RAW, handle, 60)
    assert url.headers == {"Content-Length": "1000", "If-None-Match": "*"}
    assert "content-length%3Bhost%3Bif-none-match" in url.url
    await store.close()


async def test_credentials_of_one_zone_do_not_open_the_other(s3: S3Server, tmp_path: Path) -> None:
    wrong = MinioStore(
        s3.endpoint,
        {
            Zone.RAW: BucketAccess(RAW_BUCKET, s3.clean.access_key, s3.clean.secret_key),
            Zone.CLEAN: BucketAccess(CLEAN_BUCKET, s3.raw.access_key, s3.raw.secret_key),
        },
        spool_dir=tmp_path,
        secure=False,
    )
    for zone in Zone:
        with pytest.raises(Internal) as caught:
            await wrong.put_many({key_of(b"x", zone=zone): b"x"})
        assert caught.value.reason == "STORE_REFUSED"
        assert caught.value.metadata == {"s3_code": "AccessDenied"}
    await wrong.close()


async def test_unreachable_server_is_unavailable_and_worth_a_retry(tmp_path: Path) -> None:
    access = BucketAccess("bucket", "key", "secret")
    store = MinioStore("127.0.0.1:1", dict.fromkeys(Zone, access), spool_dir=tmp_path, secure=False)
    with pytest.raises(Unavailable) as caught:
        await store.put_many({key_of(b"x"): b"x"})
    assert caught.value.reason == "STORE_UNAVAILABLE"
    assert caught.value.retry_after_s == 1
    with pytest.raises(Unavailable):
        await store.ping()
    with pytest.raises(Unavailable):
        await stored(store, b"small")
    await store.close()
