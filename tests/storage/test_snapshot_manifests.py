"""Manifests as files, and snapshots whose making is killed."""

from __future__ import annotations

import asyncio
import hashlib
import io
import random
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from labelmill.snapshots import ContentHash, content_sha256
from labelmill.storage.v1 import datasets_service_pb2 as pb
from labelmill_runtime.database import Database
from labelmill_runtime.settings import RuntimeSettings
from labelmill_storage.adapters.snapshots import parquet_file
from labelmill_storage.adapters.snapshots.parquet_manifest import ParquetManifests
from labelmill_storage.adapters.sql.sql_datasets import snapshots_holding
from labelmill_storage.adapters.sql.sql_snapshots import SqlSnapshots
from labelmill_storage.adapters.sql.tables import storage_tables
from labelmill_storage.assets import Content
from labelmill_storage.datasets.datasets import DatasetKey
from labelmill_storage.datasets.snapshots import AssetsErasedMeanwhile, Lineage, Manifest, Row, Snapshot, SnapshotKey
from labelmill_storage.ports import ObjectKey, ObjectStore
from labelmill_storage.transfers.reading import Reader
from tests.storage.client import PROJECT, Storage
from tests.storage.conftest import make_keys
from tests.storage.dataset_calls import DATASET, PARTS, Datasets
from tests.storage.test_process import server


def made_rows(count: int) -> list[Row]:
    chance = random.Random(7)
    return [
        Row(
            asset=f"projects/news/assets/{number:032x}",
            zone="CLEAN",
            sha256=chance.randbytes(32).hex(),
            size_bytes=number,
            media_type="text/plain",
            text_length=None if number % 2 else number,
            width_px=None,
            height_px=None,
            admitted_by=f'projects/news/receipts/r{number}"\u00fc\u2028',
            policy="projects/news/policies/p@1",
            create_time_us=1_700_000_000_000_001 + number,
            split="",
        )
        for number in range(count)
    ]


async def in_batches(rows: Sequence[Row]) -> AsyncIterator[Sequence[Row]]:
    for start in range(0, len(rows), 10_000):
        yield rows[start : start + 10_000]


async def nothing_written(keys: Sequence[ObjectKey]) -> Mapping[ObjectKey, int]:
    """The removals of a database there is none of."""
    return dict.fromkeys(keys, -1)


def snapshot_of(file: Manifest, count: int) -> Snapshot:
    return Snapshot(
        key=SnapshotKey(DatasetKey(PROJECT, "photos"), "0" * 26),
        content_sha256=file.content_sha256,
        manifest=file.file,
        asset_count=count,
        content_size_bytes=0,
        split_counts={},
        split=None,
        lineage=Lineage(),
        create_time=datetime.now(UTC),
    )


async def test_a_manifest_of_many_row_groups_and_blocks_comes_back_as_it_was(
    store: ObjectStore, tmp_path: Path
) -> None:
    rows = made_rows(100_000)
    manifests = ParquetManifests(store, Reader(store, None))  # type: ignore[arg-type] - no asset is looked up
    made = await manifests.write(PROJECT, in_batches(rows), lambda: {"about": "this"}, nothing_written)
    snapshot = snapshot_of(made, len(rows))
    assert len(made.file.block_digests) > 32
    content = b"".join([chunk async for chunk in manifests.chunks(snapshot)])
    assert hashlib.sha256(content).hexdigest() == made.file.sha256
    parsed = pq.ParquetFile(io.BytesIO(content))
    assert parsed.metadata.num_row_groups == -(-len(rows) // parquet_file.ROW_GROUP_ROWS)
    assert parsed.metadata.metadata[b"about"] == b"this"
    assert [row async for batch in manifests.rows(snapshot) for row in batch] == rows

    directly = ContentHash()
    directly.update(rows)
    path = tmp_path / "manifest.parquet"
    path.write_bytes(content)
    assert content_sha256(path) == made.content_sha256 == directly.hexdigest()
    await manifests.close()


async def test_the_content_hash_is_the_documented_one_and_never_changes() -> None:
    row = made_rows(1)[0]
    line = (
        '["projects/news/assets/00000000000000000000000000000000","CLEAN",'
        f'"{row.sha256}",0,"text/plain",0,null,null,"projects/news/receipts/r0\\"\\u00fc\\u2028",'
        '"projects/news/policies/p@1",1700000000000001,""]\n'
    )
    found = ContentHash()
    found.update([row])
    assert found.hexdigest() == hashlib.sha256(b"labelmill snapshot v1\n" + line.encode("ascii")).hexdigest()
    with pytest.raises(ValueError, match="order"):
        found.update([row])


async def test_a_manifest_that_fails_half_way_leaves_nothing(store: ObjectStore) -> None:
    async def failing() -> AsyncIterator[Sequence[Row]]:
        yield made_rows(40_000)
        raise RuntimeError("gone")

    manifests = ParquetManifests(store, Reader(store, None))  # type: ignore[arg-type]
    keys: list[ObjectKey] = []

    async def noted(written: Sequence[ObjectKey]) -> None:
        keys.extend(written)

    with pytest.raises(RuntimeError):
        await manifests.write(PROJECT, failing(), dict, noted)
    assert keys == []
    await manifests.close()


async def test_snapshots_that_are_killed_are_made_all_the_same_and_once(tmp_path: Path) -> None:
    keys, started, whole = make_keys(tmp_path / "keys.json"), [], None
    split = pb.Split(parts=PARTS, seed="s", stratify_label="class")
    for moment in ("frozen", "being written"):
        async with server(tmp_path, keys) as (storage, process):
            datasets = Datasets(storage)
            whole = whole or await first_snapshot(datasets, split)
            started.append(await datasets.begin_snapshot(split=split))
            await until_frozen(storage, 1 + len(started))
            while moment == "being written" and not storage.staged():
                await asyncio.sleep(0.001)
            process.kill()
            await process.wait()
    async with server(tmp_path, keys) as (storage, _):
        datasets = Datasets(storage)
        made = [await datasets.result(operation) for operation in started]
        page = await datasets.call("ListSnapshots", pb.ListSnapshotsRequest(parent=DATASET))
        assert whole is not None
        assert sorted(found.name for found in page.snapshots) == sorted(found.name for found in [whole, *made])
        assert {found.content_sha256 for found in made} == {whole.content_sha256}
        for snapshot in made:
            content = await datasets.file(snapshot.name)
            assert hashlib.sha256(content).hexdigest() == snapshot.manifest_sha256
        assert storage.staged() == []


async def first_snapshot(datasets: Datasets, split: pb.Split) -> pb.Snapshot:
    await datasets.create()
    for start in range(0, 4000, 1000):
        await datasets.ingest({f"text {start + n}".encode(): {"class": "ab"[n % 2]} for n in range(1000)})
    await datasets.add(filter="*")
    return await datasets.snapshot(split=split)


async def until_frozen(storage: Storage, snapshots: int) -> None:
    with sqlite3.connect(f"file:{storage.data_dir}/storage.db?mode=ro", uri=True) as database:
        while database.execute("SELECT COUNT(DISTINCT snapshot_id) FROM snapshot_assets").fetchone()[0] < snapshots:
            await asyncio.sleep(0.001)


async def test_it_is_known_which_snapshots_hold_an_asset(storage: Storage, runtime_settings: RuntimeSettings) -> None:
    datasets = Datasets(storage)
    await datasets.create()
    one, two, three = await datasets.ingest({b"one": {}, b"two": {}, b"three": {}})
    await datasets.add([one, two])
    first = await datasets.snapshot()
    await datasets.add([three])
    second = await datasets.snapshot()
    tables = storage_tables()
    database = await Database.open(runtime_settings, "storage", tables.metadata)
    try:
        async with database.reading() as session:
            held = await snapshots_holding(
                session, tables, PROJECT, [name.rpartition("/")[2] for name in (one, two, three, one)]
            )
    finally:
        await database.close()
    assert held == {("photos", first.name[-26:]): 2, ("photos", second.name[-26:]): 3}


async def test_what_is_erased_while_a_snapshot_is_made_is_not_in_it(
    storage: Storage, runtime_settings: RuntimeSettings
) -> None:
    datasets = Datasets(storage)
    await datasets.create()
    names = await datasets.ingest({f"{number}".encode(): {} for number in range(3)})
    await datasets.add(names)
    tables = storage_tables()
    database = await Database.open(runtime_settings, "storage", tables.metadata)
    snapshots, key = SqlSnapshots(database, tables), SnapshotKey(DatasetKey(PROJECT, "photos"), "A" * 26)

    async def ours(_session: object) -> None:
        """No other process has taken over."""

    try:
        assert await snapshots.freeze(key, clean_only=False, hold=ours) == 3
        frozen = await snapshots.frozen(key, "", 10)
        assert [asset.row.asset for asset in frozen] == sorted(names)
        async with database.transaction() as session:
            gone = tables.assets.c.asset_id == frozen[0].asset_id
            await session.execute(tables.assets.delete().where(gone))
        made = Manifest(Content("0" * 64, 1, "any"), "0" * 64)
        with pytest.raises(AssetsErasedMeanwhile):
            await snapshots.record(replace(snapshot_of(made, 3), key=key), 3, ours)
        assert await snapshots.find(key) is None
        assert len(await snapshots.frozen(key, "", 10)) == 2
        recorded = await snapshots.record(replace(snapshot_of(made, 2), key=key), 3, ours)
        assert (recorded.asset_count, recorded.erased_count) == (2, 0)
        async with database.reading() as session:
            held = await snapshots_holding(session, tables, PROJECT, [asset.asset_id for asset in frozen])
        assert held == {("photos", key.id): 2}
    finally:
        await database.close()
