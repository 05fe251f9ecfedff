"""Snapshots: frozen, hashed, divided, and given out again."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import grpc
import pyarrow.parquet as pq
import pytest
from google.longrunning import operations_pb2

from labelmill.snapshots import COLUMNS, content_sha256
from labelmill.storage.v1 import datasets_service_pb2 as pb
from labelmill.storage.v1 import service_pb2
from tests.storage.client import CLEAN, PARENT, Refusal, Storage, refused
from tests.storage.dataset_calls import DATASET, PARTS, Datasets, Failed

INVALID, PRECONDITION = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION
OK = (0, "")


async def clean_assets(storage: Storage, count: int) -> list[Any]:
    """Assets that are clean; the clean text of number n is "clean n"."""
    made = [result.asset for result in await storage.create([f"raw {n}".encode() for n in range(count)])]
    texts = [f"clean {n}".encode() for n in range(count)]
    results = await storage.admit([(t, storage.signer.receipt(a, t)) for a, t in zip(made, texts, strict=True)])
    return [result.asset for result in results]


async def full(storage: Storage, count: int = 6) -> tuple[Datasets, list[Any]]:
    """A dataset of clean assets."""
    datasets = Datasets(storage)
    await datasets.create()
    assets = await clean_assets(storage, count)
    await datasets.add(filter="*")
    return datasets, assets


async def test_a_snapshot_says_what_was_in_the_dataset_and_anyone_can_check_it(
    on_both: Storage, tmp_path: Path
) -> None:
    datasets = Datasets(on_both)
    await datasets.create()
    first, *rest = await clean_assets(on_both, 4)
    other = await on_both.upload(b"still raw", external_id="Ann Lee.txt", labels={"author": "Ann Lee"})
    await datasets.add(filter="*")
    known = pb.Lineage(ontology="projects/news/ontology@3", model_versions=["projects/news/models/m/versions/1"])
    split = pb.Split(parts=PARTS, seed="2026")
    snapshot = await datasets.snapshot(lineage=known, split=split)

    assert snapshot.name.startswith(f"{DATASET}/snapshots/")
    assert (snapshot.asset_count, snapshot.content_size_bytes) == (5, 4 * len("clean 0") + len("still raw"))
    assert sum(snapshot.split_counts.values()) == 5
    assert list(snapshot.lineage.policies) == ["projects/news/policies/default@1"]
    assert (snapshot.lineage.ontology, list(snapshot.lineage.model_versions)) == (
        known.ontology,
        list(known.model_versions),
    )
    assert snapshot.split == split
    assert await datasets.call("GetSnapshot", pb.GetSnapshotRequest(name=snapshot.name)) == snapshot

    path = tmp_path / "photos.parquet"
    path.write_bytes(await datasets.file(snapshot.name))
    assert hashlib.sha256(path.read_bytes()).hexdigest() == snapshot.manifest_sha256
    assert path.stat().st_size == snapshot.manifest_size_bytes
    assert content_sha256(path) == snapshot.content_sha256
    table = pq.read_table(path)
    assert tuple(table.column_names) == COLUMNS
    described = {key.decode(): value.decode() for key, value in pq.read_metadata(path).metadata.items()}
    assert described["labelmill.snapshot"] == snapshot.name
    assert described["labelmill.content_sha256"] == snapshot.content_sha256
    assert json.loads(described["labelmill.lineage"])["policies"] == list(snapshot.lineage.policies)
    assert json.loads(described["labelmill.split"])["seed"] == "2026"

    rows = {row["asset"]: row for row in table.to_pylist()}
    assert list(rows) == sorted(asset.name for asset in (first, *rest, other))
    row = rows[first.name]
    assert (row["zone"], row["sha256"], row["text_length"]) == ("CLEAN", first.clean.sha256, 7)
    assert (row["admitted_by"], row["policy"]) == (first.receipt, "projects/news/policies/default@1")
    assert row["create_time"].timestamp() * 1e6 == pytest.approx(first.create_time.ToMicroseconds())
    assert (rows[other.name]["zone"], rows[other.name]["sha256"]) == ("RAW", other.raw.sha256)
    assert rows[other.name]["admitted_by"] == rows[other.name]["policy"] == ""
    assert b"Ann Lee" not in path.read_bytes()
    assert "Ann Lee" not in str(table.to_pylist())  # names stay where they can be erased


async def test_a_snapshot_is_never_changed_and_newer_ones_come_first(on_both: Storage) -> None:
    datasets, assets = await full(on_both)
    first = await datasets.snapshot()
    before = await datasets.file(first.name)
    same = await datasets.snapshot()
    assert (same.content_sha256, same.name != first.name) == (first.content_sha256, True)
    await datasets.remove([assets[0].name])
    less = await datasets.snapshot()
    assert (less.asset_count, less.content_sha256 != first.content_sha256) == (5, True)
    assert await datasets.file(first.name) == before

    request = pb.ListSnapshotsRequest(parent=DATASET, page_size=2)
    page = await datasets.call("ListSnapshots", request)
    request.page_token = page.next_page_token
    rest = await datasets.call("ListSnapshots", request)
    assert [*page.snapshots, *rest.snapshots] == [less, same, first]
    assert rest.next_page_token == ""
    refusal = await refused(datasets.call("DeleteDataset", pb.DeleteDatasetRequest(name=DATASET)))
    assert refusal.said == (PRECONDITION, "DATASET_HAS_SNAPSHOTS")
    missing = pb.GetSnapshotRequest(name=f"{DATASET}/snapshots/{'0' * 26}")
    refusal = await refused(datasets.call("GetSnapshot", missing))
    assert refusal.said == (grpc.StatusCode.NOT_FOUND, "SNAPSHOT_NOT_FOUND")


async def test_on_every_object_store_rows_and_contents_come_back(on_stores: Storage) -> None:
    datasets, assets = await full(on_stores, 5)
    snapshot = await datasets.snapshot()
    rows = await datasets.rows(snapshot.name, include_content=True)
    by_name = {asset.name: asset for asset in assets}
    assert [message.row.asset for message in rows] == sorted(by_name)
    for message in rows:
        assert (message.code, message.reason) == OK
        assert (
            hashlib.sha256(message.content).hexdigest() == message.row.sha256 == by_name[message.row.asset].clean.sha256
        )
        assert message.row.zone == CLEAN
    assert [message.content for message in await datasets.rows(snapshot.name)] == [b""] * 5
    assert hashlib.sha256(await datasets.file(snapshot.name)).hexdigest() == snapshot.manifest_sha256


async def test_the_same_request_makes_one_snapshot(storage: Storage) -> None:
    datasets, _ = await full(storage, 2)
    again = str(uuid.uuid4())
    first, second = [await datasets.begin_snapshot(request_id=again) for _ in range(2)]
    assert first.name == second.name
    await datasets.result(first)
    await datasets.remove(filter="*")  # what is refused now was answered before
    assert (await datasets.begin_snapshot(request_id=again)).name == first.name
    page = await datasets.call("ListSnapshots", pb.ListSnapshotsRequest(parent=DATASET))
    assert len(page.snapshots) == 1


async def test_nothing_to_freeze_and_raw_assets_are_refused(on_both: Storage) -> None:
    datasets = Datasets(on_both)
    await datasets.create()
    assert (await refused(datasets.begin_snapshot())).said == (PRECONDITION, "DATASET_EMPTY")
    (asset,) = await clean_assets(on_both, 1)
    raw = await on_both.upload(b"still raw")
    await datasets.add(filter="*")
    refusal = await refused(datasets.begin_snapshot(clean_only=True))
    assert (refusal.said, refusal.metadata["raw_count"]) == ((PRECONDITION, "ASSETS_NOT_CLEAN"), "1")
    assert (await datasets.snapshot()).asset_count == 2
    await datasets.remove([raw.name])
    assert (await datasets.snapshot(clean_only=True)).asset_count == 1
    assert asset.name


async def labelled(datasets: Datasets, count: int, start: int = 0) -> None:
    await datasets.ingest(
        {
            f"text {n}".encode(): {"patient": str(n // 3), "class": "ab"[n % 7 == 0], "set": str(start)}
            for n in range(start, start + count)
        }
    )
    await datasets.add(filter="*")


async def parts_of(datasets: Datasets, snapshot: pb.Snapshot) -> dict[str, str]:
    return {message.row.asset: message.row.split for message in await datasets.rows(snapshot.name)}


async def test_groups_stay_together_and_parts_can_be_had_alone(on_both: Storage) -> None:
    datasets = Datasets(on_both)
    await datasets.create()
    await labelled(datasets, 90)
    snapshot = await datasets.snapshot(split=pb.Split(parts=PARTS, seed="s", group_label="patient"))
    parts = await parts_of(datasets, snapshot)
    assert Counter(parts.values()) == dict(snapshot.split_counts)
    listed = (await on_both.list_assets(page_size=1000)).assets
    patients: dict[str, set[str]] = {}
    for asset in listed:
        patients.setdefault(asset.labels["patient"], set()).add(parts[asset.name])
    assert all(len(found) == 1 for found in patients.values())
    train = await datasets.rows(snapshot.name, split="train")
    assert {message.row.asset for message in train} == {name for name, part in parts.items() if part == "train"}
    refusal = await refused(datasets.rows(snapshot.name, split="nowhere"))
    assert refusal.said == (INVALID, "INVALID_SPLIT")


async def test_each_class_is_divided_alike_and_a_base_is_kept(on_both: Storage) -> None:
    datasets = Datasets(on_both)
    await datasets.create()
    await labelled(datasets, 140)
    split = pb.Split(parts=PARTS, seed="s", stratify_label="class")
    base = await datasets.snapshot(split=split)
    before = await parts_of(datasets, base)
    of_b = {asset.name for asset in (await on_both.list_assets(page_size=1000, filter='labels.class = "b"')).assets}
    assert Counter(before[name] for name in of_b) == {"train": 16, "val": 2, "test": 2}
    assert dict(base.split_counts) == {"train": 112, "val": 14, "test": 14}

    await labelled(datasets, 140, start=140)
    after = await datasets.snapshot(split=split, lineage=pb.Lineage(base_snapshot=base.name))
    parts = await parts_of(datasets, after)
    assert {name: parts[name] for name in before} == before
    assert dict(after.split_counts) == {"train": 224, "val": 28, "test": 28}
    assert after.lineage.base_snapshot == base.name


async def test_splits_and_bases_that_cannot_be_used_are_refused(storage: Storage) -> None:
    datasets, _ = await full(storage, 30)
    plain = await datasets.snapshot()
    base = await datasets.snapshot(split=pb.Split(parts=PARTS))
    part = pb.Split.Part
    uneven = pb.Split(parts=[part(name="a", share=0.5), part(name="b", share=0.4)])
    twice = pb.Split(parts=[part(name="a", share=0.5), part(name="a", share=0.5)])
    for split in (uneven, twice):
        assert (await refused(datasets.begin_snapshot(split=split))).said == (INVALID, "INVALID_SPLIT")
    other = pb.Split(parts=[part(name="a", share=0.5), part(name="b", share=0.5)])
    same = pb.Split(parts=PARTS)
    for split, name in (
        (same, "nonsense"),
        (same, f"{DATASET}/snapshots/{'0' * 26}"),
        (same, f"projects/elsewhere/datasets/photos/snapshots/{base.name[-26:]}"),
        (same, plain.name),
        (other, base.name),
        (None, base.name),
    ):
        refusal = await refused(datasets.begin_snapshot(split=split, lineage=pb.Lineage(base_snapshot=name)))
        assert (refusal.said, list(refusal.fields)) == ((INVALID, "INVALID_BASE"), ["lineage.base_snapshot"])


async def test_a_base_that_divides_a_group_is_refused(storage: Storage) -> None:
    datasets = Datasets(storage)
    await datasets.create()
    await labelled(datasets, 90)
    base = await datasets.snapshot(split=pb.Split(parts=PARTS))  # no groups
    split = pb.Split(parts=PARTS, group_label="patient")
    operation = await datasets.begin_snapshot(split=split, lineage=pb.Lineage(base_snapshot=base.name))
    with pytest.raises(Failed) as failed:
        await datasets.result(operation)
    assert Refusal(failed.value.status).said == (INVALID, "INVALID_BASE")
    page = await datasets.call("ListSnapshots", pb.ListSnapshotsRequest(parent=DATASET))
    assert list(page.snapshots) == [base]
    with sqlite3.connect(storage.data_dir / "storage.db") as database:
        assert database.execute("SELECT COUNT(DISTINCT snapshot_id) FROM snapshot_assets").fetchone() == (1,)


async def admit_large(storage: Storage, asset: Any, clean: bytes) -> None:
    message = service_pb2.AdmitAssetRequest

    async def messages() -> AsyncIterator[Any]:
        header = message.Header(parent=PARENT, receipt=storage.signer.receipt(asset, clean))
        yield message(header=header)
        for start in range(0, len(clean), 256 * 1024):
            yield message(chunk=clean[start : start + 256 * 1024])
        yield message(sha256=hashlib.sha256(clean).hexdigest())

    await storage.stub.AdmitAsset(messages(), metadata=storage.as_("service"), timeout=60)


async def test_an_export_says_what_is_not_there_any_more(storage: Storage) -> None:
    datasets, assets = await full(storage, 5)
    raw = await storage.upload(b"raw for ever")
    late = await storage.upload(b"raw, then clean")
    alike = await storage.upload(b"nothing to hide")
    large = await storage.upload(b"large")
    await admit_large(storage, large, b"x" * (1024 * 1024 + 1))
    await datasets.add(filter="*")
    snapshot = await datasets.snapshot()
    whole, changed, removed, erased, damaged = assets
    await storage.admit_one(late, b"now clean")
    await storage.admit_one(alike, b"nothing to hide")
    await storage.admit_one(changed, b"cleaner")
    with sqlite3.connect(storage.data_dir / "storage.db") as database:
        gone = removed.name.rpartition("/")[2], erased.name.rpartition("/")[2]
        database.execute("UPDATE assets SET clean_remove_time_us = 1 WHERE asset_id = ?", gone[:1])
        database.execute("DELETE FROM assets WHERE asset_id = ?", gone[1:])
    (file,) = [path for path in storage.files() if path.name == damaged.clean.sha256]
    file.write_bytes(b"Clean 4")

    said = {
        m.row.asset: (m.code, m.reason, m.content) for m in await datasets.rows(snapshot.name, include_content=True)
    }
    assert said == {
        whole.name: (0, "", b"clean 0"),
        changed.name: (9, "CONTENT_CHANGED", b""),
        removed.name: (9, "CONTENT_REMOVED", b""),
        erased.name: (5, "ASSET_ERASED", b""),
        damaged.name: (15, "CONTENT_DAMAGED", b""),
        raw.name: (9, "NOT_CLEAN", b""),
        late.name: (9, "CONTENT_CHANGED", b""),
        alike.name: (0, "", b"nothing to hide"),
        large.name: (8, "CONTENT_TOO_LARGE", b""),
    }
    said = {m.row.asset: (m.code, m.reason) for m in await datasets.rows(snapshot.name)}
    assert {name: status for name, status in said.items() if status != OK} == {
        changed.name: (9, "CONTENT_CHANGED"),
        removed.name: (9, "CONTENT_REMOVED"),
        erased.name: (5, "ASSET_ERASED"),
    }


async def test_exported_contents_count_as_read_and_end_at_the_limit_of_a_day(storage: Storage) -> None:
    datasets, _ = await full(storage, 3)
    snapshot = await datasets.snapshot()
    with sqlite3.connect(storage.data_dir / "storage.db") as database:
        database.execute("INSERT INTO quotas VALUES ('news', 0, 0, ?)", (len("clean 0") * 3,))
    assert len(await datasets.rows(snapshot.name, include_content=True)) == 3
    refusal = await refused(datasets.rows(snapshot.name, include_content=True))
    assert refusal.said == (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED")
    assert len(await datasets.rows(snapshot.name)) == 3  # rows alone are none of it


def manifest_of(storage: Storage, snapshot: pb.Snapshot) -> Path:
    (path,) = [path for path in storage.files() if path.name == snapshot.manifest_sha256]
    return path


@pytest.mark.parametrize("damage", ["a bit", "gone", "cut off"])
async def test_a_damaged_manifest_is_told_and_nothing_of_it_given_out(storage: Storage, damage: str) -> None:
    datasets, _ = await full(storage, 3)
    split = pb.Split(parts=PARTS)
    whole, snapshot = await datasets.snapshot(split=split), await datasets.snapshot(split=split)
    path = manifest_of(storage, snapshot)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content if damage == "a bit" else content[:-100])
    said = grpc.StatusCode.DATA_LOSS, "SNAPSHOT_DAMAGED"
    assert (await refused(datasets.file(snapshot.name))).said == said
    assert (await refused(datasets.rows(snapshot.name))).said == said
    assert (await refused(datasets.diff(whole.name, snapshot.name))).said == said
    assert (await refused(datasets.diff(snapshot.name, whole.name))).said == said
    operation = await datasets.begin_snapshot(split=split, lineage=pb.Lineage(base_snapshot=snapshot.name))
    with pytest.raises(Failed) as failed:
        await datasets.result(operation)
    assert Refusal(failed.value.status).said == said


async def test_a_diff_tells_each_change(on_both: Storage) -> None:
    datasets, assets = await full(on_both, 40)
    first = await datasets.snapshot(split=pb.Split(parts=PARTS, seed="one"))
    before = await parts_of(datasets, first)
    new = await on_both.upload(b"new")
    await datasets.remove([assets[0].name])
    await datasets.add([new.name])
    await on_both.admit_one(assets[1], b"cleaner")
    second = await datasets.snapshot(split=pb.Split(parts=PARTS, seed="two"))
    after = await parts_of(datasets, second)

    changes = await datasets.diff(second.name, first.name)
    kind = pb.DiffSnapshotsResponse.Change
    names = [(change.after.asset or change.before.asset) for change in changes]
    assert names == sorted(names)
    by_kind: dict[int, set[str]] = {}
    for name, change in zip(names, changes, strict=True):
        by_kind.setdefault(change.kind, set()).add(name)
    moved = {name for name in before.keys() & after.keys() if before[name] != after[name]}
    assert moved
    assert by_kind == {
        kind.KIND_ADDED: {new.name},
        kind.KIND_REMOVED: {assets[0].name},
        kind.KIND_CONTENT_CHANGED: {assets[1].name},
        kind.KIND_SPLIT_CHANGED: moved,
    }
    (content,) = [change for change in changes if change.kind == kind.KIND_CONTENT_CHANGED]
    assert content.before.sha256 == assets[1].clean.sha256
    assert content.after.sha256 == hashlib.sha256(b"cleaner").hexdigest()
    assert await datasets.diff(first.name, first.name) == []
    foreign = f"projects/elsewhere/datasets/photos/snapshots/{first.name[-26:]}"
    assert (await refused(datasets.diff(first.name, foreign))).said == (INVALID, "FOREIGN_PROJECT")


@pytest.mark.parametrize("who", ["annotator", "stranger"])
async def test_annotators_and_strangers_see_nothing_of_a_snapshot(storage: Storage, who: str) -> None:
    datasets, _ = await full(storage, 2)
    snapshot = await datasets.snapshot()
    requests: Sequence[tuple[str, Any]] = [
        ("ExportSnapshot", pb.ExportSnapshotRequest(name=snapshot.name, include_content=True)),
        ("DownloadSnapshot", pb.DownloadSnapshotRequest(name=snapshot.name)),
        ("DiffSnapshots", pb.DiffSnapshotsRequest(name=snapshot.name, base=snapshot.name)),
    ]
    for method, request in requests:
        refusal = await refused(datasets.stream(method, request, who=who))
        assert refusal.code is grpc.StatusCode.PERMISSION_DENIED
    refusal = await refused(datasets.call("GetSnapshot", pb.GetSnapshotRequest(name=snapshot.name), who=who))
    assert refusal.code is grpc.StatusCode.PERMISSION_DENIED


async def test_a_cancelled_operation_leaves_a_whole_snapshot_or_none(storage: Storage) -> None:
    datasets, _ = await full(storage, 2)
    operation = await datasets.begin_snapshot()
    cancel = operations_pb2.CancelOperationRequest(name=operation.name)
    await datasets.operations.CancelOperation(cancel, metadata=storage.as_("manager"))
    ended = await datasets.ended(operation)
    page = await datasets.call("ListSnapshots", pb.ListSnapshotsRequest(parent=DATASET))
    assert len(page.snapshots) == (0 if ended.HasField("error") else 1)
    with sqlite3.connect(storage.data_dir / "storage.db") as database:
        found = database.execute("SELECT COUNT(DISTINCT snapshot_id) FROM snapshot_assets").fetchone()
    assert found == (len(page.snapshots),)
