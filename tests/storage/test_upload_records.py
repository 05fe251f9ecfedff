"""The rows of uploads: finishing one and removing its object exclude each other, also across processes."""

import hashlib
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from labelmill_runtime.database import Database
from labelmill_runtime.errors import ResourceExhausted
from labelmill_runtime.settings import RuntimeSettings
from labelmill_storage.adapters.sql.sql_assets import SqlRecords
from labelmill_storage.adapters.sql.sql_uploads import SqlUploads
from labelmill_storage.adapters.sql.tables import storage_tables
from labelmill_storage.assets import AssetIds, Content, Draft, Recorded
from labelmill_storage.ports import UploadActive
from labelmill_storage.transfers.resumable import Announced, Upload, UploadNotFound

PROJECT, NOW = "news", datetime(2026, 5, 1, tzinfo=UTC)
IDS = AssetIds(b"s" * 32)


class Rows:
    """Uploads and assets in one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        tables = storage_tables()
        self.records = SqlRecords(database, tables)
        self.uploads = SqlUploads(database, tables, self.records)
        self.quotas = tables.quotas


@pytest.fixture
async def rows(both_settings: RuntimeSettings) -> AsyncIterator[Rows]:
    database = await Database.open(both_settings, "storage", storage_tables().metadata)
    yield Rows(database)
    await database.close()


def upload(**values: object) -> Upload:
    upload_id = str(uuid.uuid4())
    announced = Announced("text/plain", "letter", {"set": "a"}, "f" * 64, 100)
    fixed = {"project": PROJECT, "id": upload_id, "handle": uuid.uuid4().hex, "direct": False}
    times = {"create_time": NOW, "expire_time": NOW + timedelta(hours=24)}
    said = {"announced": announced, "digest": announced.digest(upload_id)}
    return Upload(**{**fixed, **times, **said, **values})  # type: ignore[arg-type]


def draft(content: bytes = b"some text") -> Draft:
    sha256 = hashlib.sha256(content).hexdigest()
    return Draft(PROJECT, IDS.of(PROJECT, sha256), Content(sha256, len(content), "text/plain"))


async def test_upload_is_kept_as_it_began(rows: Rows) -> None:
    it = upload()
    await rows.uploads.begin(it)
    assert await rows.uploads.get(PROJECT, it.id) == it
    assert await rows.uploads.get("elsewhere", it.id) is None


async def test_second_one_of_an_id_has_to_wait(rows: Rows) -> None:
    it = upload()
    await rows.uploads.begin(it)
    with pytest.raises(UploadActive):
        await rows.uploads.begin(upload(id=it.id))
    assert await rows.uploads.get(PROJECT, it.id) == it


async def test_finished_upload_keeps_its_object_and_nothing_about_the_content(rows: Rows) -> None:
    it = upload()
    await rows.uploads.begin(it)
    recorded = await rows.uploads.finish(it, draft())
    assert isinstance(recorded, Recorded)
    assert not await rows.uploads.condemn(it)
    kept = await rows.uploads.get(PROJECT, it.id)
    assert kept is not None
    assert (kept.asset_id, kept.digest, kept.announced) == (recorded.asset.id, it.digest, Announced(size_bytes=100))
    assert await rows.records.get(PROJECT, recorded.asset.id) == recorded.asset


async def test_condemned_upload_cannot_be_finished(rows: Rows) -> None:
    it = upload()
    await rows.uploads.begin(it)
    assert await rows.uploads.condemn(it)
    with pytest.raises(UploadNotFound):
        await rows.uploads.finish(it, draft())
    assert await rows.records.get(PROJECT, draft().id) is None  # the whole transaction
    await rows.uploads.extend(it, NOW + timedelta(hours=48))  # nor brought back to life
    assert [found.id for found in await rows.uploads.expired(NOW, 10)] == [it.id]
    assert await rows.uploads.condemn(it)  # whoever cleans up after a crash may say it again


async def test_forgotten_upload_cannot_be_finished_under_a_new_one_of_its_id(rows: Rows) -> None:
    it = upload()
    await rows.uploads.begin(it)
    await rows.uploads.forget(it)
    other = upload(id=it.id)
    await rows.uploads.begin(other)
    with pytest.raises(UploadNotFound):
        await rows.uploads.finish(it, draft())
    await rows.uploads.forget(it)
    assert await rows.uploads.get(PROJECT, it.id) == other


async def test_expired_ones_are_found_in_the_order_of_their_end(rows: Rows) -> None:
    made = [upload(expire_time=NOW + timedelta(hours=hours)) for hours in (3, 1, 2, 9)]
    for it in made:
        await rows.uploads.begin(it)
    found = await rows.uploads.expired(NOW + timedelta(hours=3), 10)
    assert [it.id for it in found] == [made[1].id, made[2].id, made[0].id]
    assert len(await rows.uploads.expired(NOW + timedelta(hours=3), 2)) == 2


async def test_announced_size_beyond_the_quota_is_refused_before_anything_is_sent(rows: Rows) -> None:
    async with rows.database.transaction() as session:
        quota = {"project": PROJECT, "max_stored_bytes": 120, "max_objects": 0, "max_daily_egress_bytes": 0}
        await session.execute(rows.quotas.insert(), [quota])
    first = upload()
    await rows.uploads.begin(first)
    assert isinstance(await rows.uploads.finish(first, draft(b"x" * 100)), Recorded)
    with pytest.raises(ResourceExhausted, match="QUOTA_EXCEEDED"):
        await rows.uploads.begin(upload())
    small = upload(announced=Announced(size_bytes=20))
    await rows.uploads.begin(small)
    refused = await rows.uploads.finish(small, draft(b"y" * 21))  # it said less than it brought
    assert isinstance(refused, ResourceExhausted)
    assert await rows.uploads.get(PROJECT, small.id) is None
