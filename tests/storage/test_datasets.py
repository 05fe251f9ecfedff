"""Datasets: what they are called, and which assets are in them."""

from __future__ import annotations

import uuid
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from labelmill.storage.v1 import datasets_service_pb2 as pb
from tests.storage.client import PARENT, Storage, refused
from tests.storage.dataset_calls import DATASET, Datasets

INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND


async def test_a_dataset_is_made_read_listed_changed_and_forgotten(on_both: Storage) -> None:
    datasets = Datasets(on_both)
    made = await datasets.create(display_name="Photos", description="Of cats.")
    assert (made.name, made.display_name, made.description, made.asset_count) == (DATASET, "Photos", "Of cats.", 0)
    assert await datasets.get() == made
    again = await refused(datasets.create())
    assert again.said == (grpc.StatusCode.ALREADY_EXISTS, "DATASET_EXISTS")

    for name in ("birds", "ants", "zebras"):
        await datasets.create(name)
    first = await datasets.call("ListDatasets", pb.ListDatasetsRequest(parent=PARENT, page_size=3))
    assert [found.name.rpartition("/")[2] for found in first.datasets] == ["ants", "birds", "photos"]
    more = pb.ListDatasetsRequest(parent=PARENT, page_token=first.next_page_token)
    last = await datasets.call("ListDatasets", more)
    assert ([found.name.rpartition("/")[2] for found in last.datasets], last.next_page_token) == (["zebras"], "")

    changed = await datasets.call(
        "UpdateDataset",
        pb.UpdateDatasetRequest(
            dataset=pb.Dataset(name=DATASET, display_name="Cats", description="ignored", etag=made.etag),
            update_mask=FieldMask(paths=["display_name"]),
        ),
    )
    assert (changed.display_name, changed.description) == ("Cats", "Of cats.")
    assert changed.etag != made.etag
    stale = pb.UpdateDatasetRequest(dataset=pb.Dataset(name=DATASET, etag=made.etag))
    assert (await refused(datasets.call("UpdateDataset", stale))).said == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    wrong = pb.UpdateDatasetRequest(dataset=pb.Dataset(name=DATASET), update_mask=FieldMask(paths=["asset_count"]))
    assert (await refused(datasets.call("UpdateDataset", wrong))).said == (INVALID, "UPDATE_MASK_INVALID")
    both = await datasets.call("UpdateDataset", pb.UpdateDatasetRequest(dataset=pb.Dataset(name=DATASET)))
    assert (both.display_name, both.description) == ("", "")

    (asset,) = await datasets.ingest({b"one": {}})
    await datasets.add([asset])
    await datasets.call("DeleteDataset", pb.DeleteDatasetRequest(name=DATASET))
    assert (await refused(datasets.get())).said == (NOT_FOUND, "DATASET_NOT_FOUND")
    assert await on_both.listed() == [asset]


async def test_assets_go_in_and_out_by_name(on_both: Storage) -> None:
    datasets = Datasets(on_both)
    before = await datasets.create()
    one, two, three = await datasets.ingest({b"one": {}, b"two": {}, b"three": {}})
    added = await datasets.add([one, two, one])
    assert (added.added_count, added.asset_count) == (2, 2)
    added = await datasets.add([two, three])
    assert (added.added_count, added.asset_count) == (1, 3)
    after = await datasets.get()
    assert (after.asset_count, after.etag) == (3, before.etag)
    assert after.update_time.ToNanoseconds() > before.update_time.ToNanoseconds()

    unknown = f"{PARENT}/assets/{'0' * 32}"
    refusal = await refused(datasets.add([one, unknown, f"{PARENT}/assets/{'1' * 32}"]))
    assert refusal.said == (NOT_FOUND, "ASSET_NOT_FOUND")
    foreign = await refused(datasets.add(["projects/elsewhere/assets/" + "0" * 32]))
    assert foreign.said == (INVALID, "FOREIGN_PROJECT")

    removed = await datasets.remove([one, unknown])
    assert (removed.removed_count, removed.asset_count) == (1, 2)
    removed = await datasets.remove([one])
    assert (removed.removed_count, removed.asset_count) == (0, 2)
    with pytest.raises(grpc.aio.AioRpcError):
        await datasets.add([one, unknown])
    assert (await datasets.get()).asset_count == 2  # all or nothing


async def test_assets_go_in_and_out_by_filter_and_are_listed_in_the_order_of_their_creation(on_both: Storage) -> None:
    datasets = Datasets(on_both)
    await datasets.create()
    names = await datasets.ingest({f"text {n}".encode(): {"set": "ab"[n % 2]} for n in range(25)})
    added = await datasets.add(filter='labels.set = "a"')
    assert (added.added_count, added.asset_count) == (13, 13)
    assert (await datasets.add(filter="*")).added_count == 12

    found, token = [], ""
    while True:
        request = pb.ListDatasetAssetsRequest(parent=DATASET, page_size=10, page_token=token)
        page = await datasets.call("ListDatasetAssets", request, who="reviewer")
        found += [asset.name for asset in page.assets]
        token = page.next_page_token
        if not token:
            break
    assert found == names
    request = pb.ListDatasetAssetsRequest(parent=DATASET, filter='labels.set = "b"')
    assert [asset.name for asset in (await datasets.call("ListDatasetAssets", request)).assets] == names[1::2]

    assert (await datasets.remove(filter='labels.set = "b"')).removed_count == 12
    assert (await datasets.remove(filter="*")).asset_count == 0
    for wrong in ({}, {"asset_names": names, "filter": "*"}):
        assert (await refused(datasets.add(**wrong))).said == (INVALID, "INVALID_SELECTION")
    assert (await refused(datasets.add(filter="nothing = 1"))).said == (INVALID, "INVALID_FILTER")


async def test_more_names_go_in_and_out_than_one_statement_takes(on_both: Storage) -> None:
    datasets = Datasets(on_both)
    await datasets.create()
    names = []
    for start in range(0, 1200, 600):
        names += await datasets.ingest({f"{start + n}".encode(): {} for n in range(600)})
    assert (await datasets.add(names)).added_count == 1200
    assert (await datasets.remove(names[:1100])).asset_count == 100


async def test_a_request_that_is_sent_again_has_one_effect(storage: Storage) -> None:
    datasets = Datasets(storage)
    request = pb.CreateDatasetRequest(parent=PARENT, dataset_id="photos", request_id=str(uuid.uuid4()))
    assert await datasets.call("CreateDataset", request) == await datasets.call("CreateDataset", request)
    await datasets.ingest({b"one": {}})
    again = str(uuid.uuid4())
    assert await datasets.add(filter="*", request_id=again) == await datasets.add(filter="*", request_id=again)


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("GetDataset", pb.GetDatasetRequest(name=DATASET)),
        ("UpdateDataset", pb.UpdateDatasetRequest(dataset=pb.Dataset(name=DATASET))),
        ("DeleteDataset", pb.DeleteDatasetRequest(name=DATASET)),
        ("AddDatasetAssets", pb.AddDatasetAssetsRequest(name=DATASET, filter="*")),
        ("RemoveDatasetAssets", pb.RemoveDatasetAssetsRequest(name=DATASET, filter="*")),
        ("ListDatasetAssets", pb.ListDatasetAssetsRequest(parent=DATASET)),
        ("ListSnapshots", pb.ListSnapshotsRequest(parent=DATASET)),
        ("CreateSnapshot", pb.CreateSnapshotRequest(parent=DATASET)),
    ],
)
async def test_a_dataset_there_is_not_is_not_found(storage: Storage, method: str, request_: Any) -> None:
    datasets = Datasets(storage)
    assert (await refused(datasets.call(method, request_))).said == (NOT_FOUND, "DATASET_NOT_FOUND")


async def test_annotators_and_strangers_see_no_datasets_and_reviewers_change_none(storage: Storage) -> None:
    datasets = Datasets(storage)
    await datasets.create()
    for who in ("annotator", "stranger"):
        for method, request in (
            ("GetDataset", pb.GetDatasetRequest(name=DATASET)),
            ("ListDatasets", pb.ListDatasetsRequest(parent=PARENT)),
            ("ListDatasetAssets", pb.ListDatasetAssetsRequest(parent=DATASET)),
        ):
            refusal = await refused(datasets.call(method, request, who=who))
            assert refusal.code is grpc.StatusCode.PERMISSION_DENIED
    for who in ("reviewer", "privacy_officer"):
        assert (await datasets.call("GetDataset", pb.GetDatasetRequest(name=DATASET), who=who)).name == DATASET
        refusal = await refused(datasets.create("more", who=who))
        assert refusal.code is grpc.StatusCode.PERMISSION_DENIED
