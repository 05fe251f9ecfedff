"""What the S3 store promises beyond every store."""

import asyncio
import os
from datetime import UTC, datetime, timedelta

import pytest

from labelmill_runtime.errors import Internal, Unavailable
from labelmill_storage.adapters.minio import BucketAccess, MinioStore
from labelmill_storage.assets import Zone
from tests.storage.conftest import PART_BYTES, minio_store
from tests.storage.test_object_stores import fresh, key_of
from tests.support.s3 import CLEAN_BUCKET, RAW_BUCKET, S3Server


def staged(s3: S3Server) -> list[str]:
    objects = s3.client(s3.admin).list_objects(RAW_BUCKET, prefix="_staging/", recursive=True)
    return [str(found.object_name) for found in objects]


async def test_large_object_leaves_no_parts_behind(s3: S3Server) -> None:
    store, content = minio_store(s3), fresh(2 * PART_BYTES + 1)
    async with store.stage(Zone.RAW, "news") as upload:
        await upload.write(content)
        assert len(staged(s3)) == 2
        await upload.commit(key_of(content))
    assert staged(s3) == []
    await store.close()


async def test_sweep_takes_old_parts_and_spares_those_of_living_uploads(s3: S3Server) -> None:
    store = minio_store(s3)
    later = minio_store(s3, now=lambda: datetime.now(UTC) + timedelta(hours=25))
    async with store.stage(Zone.RAW, "news") as upload:
        await upload.write(fresh(PART_BYTES))
        assert await store.sweep() == 0
        assert len(staged(s3)) == 1
        assert await later.sweep() == 1
        assert staged(s3) == []
    await store.close()
    await later.close()


async def test_a_project_named_staging_is_not_swept(s3: S3Server) -> None:
    later = minio_store(s3, now=lambda: datetime.now(UTC) + timedelta(days=400))
    content = fresh()
    await later.put_many({key_of(content, project="staging"): content})
    assert await later.sweep() == 0
    assert await later.exists(key_of(content, project="staging"))
    await later.close()


async def test_credentials_of_one_zone_do_not_open_the_other(s3: S3Server) -> None:
    wrong = MinioStore(
        s3.endpoint,
        {
            Zone.RAW: BucketAccess(RAW_BUCKET, s3.clean.access_key, s3.clean.secret_key),
            Zone.CLEAN: BucketAccess(CLEAN_BUCKET, s3.raw.access_key, s3.raw.secret_key),
        },
        secure=False,
    )
    for zone in Zone:
        with pytest.raises(Internal) as caught:
            await wrong.put_many({key_of(b"x", zone=zone): b"x"})
        assert caught.value.reason == "STORE_REFUSED"
        assert caught.value.metadata == {"s3_code": "AccessDenied"}
    await wrong.close()


async def test_unreachable_server_is_unavailable_and_worth_a_retry() -> None:
    access = BucketAccess("bucket", "key", "secret")
    store = MinioStore("127.0.0.1:1", dict.fromkeys(Zone, access), secure=False)
    with pytest.raises(Unavailable) as caught:
        await store.put_many({key_of(b"x"): b"x"})
    assert caught.value.reason == "STORE_UNAVAILABLE"
    assert caught.value.retry_after_s == 1
    with pytest.raises(Unavailable):
        await store.ping()
    await store.close()


async def test_cancelled_upload_removes_its_parts(s3: S3Server) -> None:
    store = minio_store(s3)
    started = asyncio.Event()

    async def upload() -> None:
        async with store.stage(Zone.RAW, "news") as parts:
            await parts.write(os.urandom(PART_BYTES))
            started.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(upload())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert staged(s3) == []
    await store.close()
