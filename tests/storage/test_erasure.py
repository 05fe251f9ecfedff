"""Erasure: what goes, what stays, what must not come back, and the certificate of it."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from sqlalchemy import select

from labelmill.erasures import verify
from labelmill.storage.v1 import datasets_service_pb2 as datasets_pb
from labelmill.storage.v1 import lifecycle_service_pb2 as pb
from labelmill.storage.v1 import service_pb2
from labelmill_runtime.settings import RuntimeSettings
from labelmill_storage.assets import Zone
from tests.storage.client import CLEAN, PARENT, RAW, Refusal, Storage, refused
from tests.storage.conftest import Start, minio_store, s3_settings
from tests.storage.dataset_calls import Datasets
from tests.storage.imports import Imports
from tests.storage.lifecycle_client import Lifecycle, database, erasure_of, stage_of, until
from tests.storage.peers import METHODS, Peers, peers
from tests.support.s3 import S3Server

SUBJECT = "patient-4711-canary"


@pytest.fixture
async def others() -> AsyncIterator[Peers]:
    async with peers() as found:
        yield found


def reaching(settings: RuntimeSettings, others: Peers) -> RuntimeSettings:
    """Settings with which storage finds the other services."""
    changes = {"peer_address": others.address, "service_key": "lm.service.key", "operation_lease_s": 3.0}
    return RuntimeSettings(**{**settings.model_dump(), **changes})


@pytest.fixture
async def server(start: Start, both_settings: RuntimeSettings, others: Peers) -> AsyncIterator[Storage]:
    async with start(reaching(both_settings, others)) as running_storage:
        yield running_storage


@pytest.fixture
async def alone(start: Start, runtime_settings: RuntimeSettings, others: Peers) -> AsyncIterator[Storage]:
    """On SQLite."""
    async with start(reaching(runtime_settings, others)) as running_storage:
        yield running_storage


async def create(storage: Storage, contents: list[bytes], **values: Any) -> list[Any]:
    items = [service_pb2.BatchCreateAssetsRequest.Item(content=content, **values) for content in contents]
    request = service_pb2.BatchCreateAssetsRequest(parent=PARENT, items=items)
    return list((await storage.call("BatchCreateAssets", request)).results)


async def test_named_assets_go_with_all_that_is_kept_about_them(server: Storage, others: Peers) -> None:
    life = Lifecycle(server)
    (gone, stays) = [result.asset for result in await create(server, [b"about Ann", b"about Bob"], external_id="x")]
    await server.admit_one(gone, b"about ***")
    assert await life.stored() == [(18, 2), (9, 1)]
    certificate = await life.erased(asset_names=[gone.name])
    assert list(certificate.erased_assets) == [gone.name]
    removals = {(r.service, r.kind): r.count for r in certificate.removals}
    expected = {("storage", "assets"): 1, ("storage", "contents"): 2, ("storage", "receipts"): 1}
    assert removals == expected | {(peer, "things"): 2 for peer in METHODS}
    kept = {(item.item, item.reason): item.count for item in certificate.kept if item.reason != "DATABASE_FREE_SPACE"}
    model = ("projects/news/models/m/versions/1", "TRAINED_MODEL")
    assert kept == {(f"{PARENT}/auditHead", "AUDIT_LOG"): 2, model: 0}
    assert (await refused(server.get(gone.name))).reason == "ASSET_NOT_FOUND"
    assert await server.listed() == [stays.name]
    assert await life.stored() == [(9, 1), (0, 0)]
    assert [path.read_bytes() for path in server.files()] == [b"about Bob"]
    assert all(others.names(peer) == {gone.name} for peer in METHODS)


async def test_the_certificate_is_signed_and_stands_in_the_audit_log(server: Storage) -> None:
    life = Lifecycle(server)
    asset = await server.upload(b"about Ann")
    certificate = await life.erased(asset_names=[asset.name])
    key = await life.public_key()
    assert verify(certificate, key)
    forged = pb.Erasure()
    forged.CopyFrom(certificate)
    forged.erased_assets.append(f"{PARENT}/assets/{'0' * 32}")
    assert not verify(forged, key)
    entries = await life.entries()
    assert [(e.action, e.resource) for e in entries[-3:]] == [
        ("erasure.requested", certificate.name),
        ("asset.erased", asset.name),
        ("erasure.completed", certificate.name),
    ]
    assert entries[-1].sequence == certificate.audit_sequence
    assert {entry.actor for entry in entries[-3:]} == {"privacy_officer"} == {certificate.creator}
    listed = (await life.call("ListErasures", pb.ListErasuresRequest(parent=PARENT))).erasures
    assert [(one.name, list(one.erased_assets)) for one in listed] == [(certificate.name, [])]


async def test_erased_content_stays_away_until_it_is_allowed_again(server: Storage) -> None:
    life = Lifecycle(server)
    asset = await server.upload(b"about Ann")
    assert (await refused(life.allow(asset_names=[asset.name]))).reason == "ASSET_NOT_FOUND"
    await life.erased(asset_names=[asset.name])
    assert (await refused(server.upload(b"about Ann"))).said == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "CONTENT_ERASED",
    )
    (result,) = await server.create([b"about Ann"])
    assert Refusal(result.status).reason == "CONTENT_ERASED"
    assert await life.allow(asset_names=[asset.name]) == 1
    assert await life.allow(asset_names=[asset.name]) == 0
    again = await server.upload(b"about Ann")
    assert again.name == asset.name
    assert (await server.download(again.name))[1] == b"about Ann"
    (allowed,) = await life.entries('action = "erasure.allowed"')
    assert allowed.resource == asset.name
    assert list((await life.erased(asset_names=[asset.name])).erased_assets) == [asset.name]


async def test_all_that_is_about_a_data_subject_goes(server: Storage, both_settings: RuntimeSettings) -> None:
    life = Lifecycle(server)
    mine = {result.asset.name for result in await create(server, [b"one", b"two"], subject=SUBJECT)}
    other = await server.upload(b"three", subject="somebody else")
    assert (await refused(life.start_erasure(subject="nobody"))).reason == "SUBJECT_NOT_FOUND"
    operation = await life.start_erasure(subject=SUBJECT)
    certificate = await life.certificate(erasure_of(operation))
    assert certificate.of_subject
    assert set(certificate.erased_assets) == mine
    assert await server.listed() == [other.name]
    assert (await refused(server.upload(b"four", subject=SUBJECT))).reason == "SUBJECT_ERASED"
    assert (await refused(server.upload(b"one"))).reason == "CONTENT_ERASED"
    assert await life.allow(subject=SUBJECT) == 2
    assert (await server.upload(b"one", subject=SUBJECT)).name in mine
    async with database(both_settings) as (opened, tables), opened.reading() as session:
        for table in tables.metadata.tables.values():
            for row in await session.execute(select(table)):
                assert SUBJECT not in repr(tuple(row)), table.name


async def test_what_is_on_legal_hold_stays_and_is_named(server: Storage, others: Peers) -> None:
    life = Lifecycle(server)
    held, free = [result.asset.name for result in await create(server, [b"held", b"free"], subject=SUBJECT)]
    await life.hold("court", asset_names=[held])
    certificate = await life.erased(subject=SUBJECT)
    assert list(certificate.erased_assets) == [free]
    assert [(item.item, item.reason) for item in certificate.kept_assets] == [(held, "LEGAL_HOLD")]
    assert (await server.download(held))[1] == b"held"
    assert all(others.names(peer) == {free} for peer in METHODS)
    await life.release("court")
    assert list((await life.erased(asset_names=[held])).erased_assets) == [held]


async def test_a_service_that_is_away_is_waited_for(server: Storage, others: Peers) -> None:
    life = Lifecycle(server)
    others.away.add("annotation")
    asset = await server.upload(b"about Ann")
    operation = await life.start_erasure(asset_names=[asset.name])

    async def waits() -> bool:
        return stage_of(await life.operation(operation.name)).startswith("waiting for annotation")

    await until(waits)
    assert not (await life.erasure(erasure_of(operation))).HasField("complete_time")
    assert (await refused(server.get(asset.name))).reason == "ASSET_NOT_FOUND"
    assert (await refused(server.upload(b"about Ann"))).reason == "CONTENT_ERASED"
    assert (await refused(life.allow(asset_names=[asset.name]))).reason == "ERASURE_RUNNING"
    others.away.clear()
    certificate = await life.certificate(erasure_of(operation))
    assert {r.service: r.count for r in certificate.removals if r.kind == "things"} == dict.fromkeys(METHODS, 2)
    # Each was asked for the same thing with the same id until it answered, then once more for what came late.
    assert len({request.request_id for peer, request in others.asked if peer == "annotation"}) == 2


async def test_a_service_that_is_not_there_is_named(alone: Storage, others: Peers) -> None:
    others.absent |= {"training", "quality"}
    asset = await alone.upload(b"about Ann")
    certificate = await Lifecycle(alone).erased(asset_names=[asset.name])
    absent = {item.item for item in certificate.kept if item.reason == "SERVICE_ABSENT"}
    assert absent == {"training", "quality"}


async def test_an_erasure_goes_on_in_the_next_process(
    start: Start, both_settings: RuntimeSettings, others: Peers
) -> None:
    others.away.add("quality")
    settings = reaching(both_settings, others)
    async with start(settings) as storage:
        life = Lifecycle(storage)
        assets = [await storage.upload(content) for content in (b"one", b"two")]
        name = erasure_of(await life.start_erasure(asset_names=[asset.name for asset in assets]))

        async def asked() -> bool:
            return bool(others.names("quality"))

        await until(asked)
    async with start(settings) as storage:
        others.away.clear()
        certificate = await Lifecycle(storage).certificate(name)
        assert set(certificate.erased_assets) == {asset.name for asset in assets}
        assert {r.service: r.count for r in certificate.removals if r.kind == "things"} == dict.fromkeys(METHODS, 4)
        assert (await refused(storage.upload(b"one"))).reason == "CONTENT_ERASED"


async def test_a_cancelled_operation_does_not_end_the_erasure(
    start: Start, runtime_settings: RuntimeSettings, others: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labelmill_storage.assembly.lifecycle._ERASURES_S", 0.1)
    others.away.add("prelabel")
    async with start(reaching(runtime_settings, others)) as storage:
        life = Lifecycle(storage)
        asset = await storage.upload(b"about Ann")
        operation = await life.start_erasure(asset_names=[asset.name])
        await others.called.wait()
        await life.cancel(operation.name)

        async def ended() -> bool:
            return (await life.operation(operation.name)).done

        await until(ended)
        others.away.clear()
        assert list((await life.certificate(erasure_of(operation))).erased_assets) == [asset.name]


async def test_the_same_request_is_one_erasure(alone: Storage) -> None:
    life, request_id = Lifecycle(alone), str(uuid.uuid4())
    asset = await alone.upload(b"about Ann", subject=SUBJECT)
    first = await life.start_erasure(subject=SUBJECT, request_id=request_id)
    await life.certificate(erasure_of(first))
    again = await life.start_erasure(subject=SUBJECT, request_id=request_id)
    assert again.name == first.name
    assert asset.name


async def test_answers_that_are_remembered_forget_what_was_erased(alone: Storage) -> None:
    request = service_pb2.BatchCreateAssetsRequest(
        parent=PARENT,
        items=[service_pb2.BatchCreateAssetsRequest.Item(content=b"about Ann", external_id="ann-canary")],
        request_id=str(uuid.uuid4()),
    )
    (first,) = (await alone.call("BatchCreateAssets", request)).results
    await Lifecycle(alone).erased(asset_names=[first.asset.name])
    (again,) = (await alone.call("BatchCreateAssets", request)).results
    assert Refusal(again.status).reason == "CONTENT_ERASED"
    assert b"ann-canary" not in again.SerializeToString()


async def test_nothing_of_it_is_left_in_any_file(alone: Storage) -> None:
    contents = [f"secret-canary {number} ".encode() * 50 for number in range(40)]
    results = await create(alone, contents, external_id="name-canary", labels={"who": "label-canary"}, subject=SUBJECT)
    for result, content in list(zip(results, contents, strict=True))[:10]:
        await alone.admit_one(result.asset, content.replace(b"secret", b"hidden"))
    await Lifecycle(alone).erased(asset_names=[result.asset.name for result in results])
    for path in alone.data_dir.rglob("*"):
        found = path.read_bytes() if path.is_file() else b""
        assert b"canary" not in found, path.name


async def test_an_upload_under_way_about_the_subject_is_thrown_away(alone: Storage) -> None:
    upload_id, content = str(uuid.uuid4()), b"about Ann " * 100_000
    part = service_pb2.UploadAssetRequest

    async def broken() -> AsyncIterator[Any]:
        yield part(header=part.Header(parent=PARENT, upload_id=upload_id, subject=SUBJECT))
        yield part(chunk=content[:200_000])

    await refused(alone.send(broken()))
    certificate = await Lifecycle(alone).erased(subject=SUBJECT)
    assert {(r.kind, r.count) for r in certificate.removals if r.service == "storage"} == {("uploads", 1)}
    uploads = alone.data_dir / "objects" / "uploads"
    assert [path for path in uploads.rglob("*") if path.is_file()] == []


async def test_who_may_erase_and_what_is_no_request(alone: Storage) -> None:
    life, asset = Lifecycle(alone), await alone.upload(b"about Ann")
    for who in ("owner", "manager", "reviewer", "annotator", "service", "stranger"):
        refusal = await refused(life.start_erasure(asset_names=[asset.name], who=who))
        assert refusal.code == grpc.StatusCode.PERMISSION_DENIED, who
    for values in ({}, {"subject": SUBJECT, "asset_names": [asset.name]}):
        refusal = await refused(life.start_erasure(**values))
        assert refusal.said == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_SELECTION")
    unknown = await refused(life.start_erasure(asset_names=[asset.name, f"{PARENT}/assets/{'0' * 32}"]))
    assert unknown.said == (grpc.StatusCode.NOT_FOUND, "ASSET_NOT_FOUND")
    missing = await refused(life.erasure(f"{PARENT}/erasures/{'0' * 26}"))
    assert missing.said == (grpc.StatusCode.NOT_FOUND, "ERASURE_NOT_FOUND")
    assert await alone.listed() == [asset.name]


async def test_a_snapshot_keeps_the_row_and_counts_it(alone: Storage) -> None:
    datasets, assets = Datasets(alone), [result.asset.name for result in await alone.create([b"one", b"two"])]
    await datasets.create()
    await datasets.add(assets)
    before = await datasets.snapshot()
    certificate = await Lifecycle(alone).erased(asset_names=assets[:1])
    kept = {(item.item, item.reason, item.count) for item in certificate.kept}
    assert (before.name, "SNAPSHOT_ROW", 1) in kept
    assert ("dataset_assets", 1) in {(r.kind, r.count) for r in certificate.removals}
    found = {message.row.asset: message.reason for message in await datasets.rows(before.name, include_content=True)}
    assert found[assets[0]] == "ASSET_ERASED"
    after = await datasets.call("GetSnapshot", datasets_pb.GetSnapshotRequest(name=before.name))
    assert (after.erased_count, after.content_sha256) == (1, before.content_sha256)
    assert hashlib.sha256(await datasets.file(before.name)).hexdigest() == before.manifest_sha256


async def test_large_contents_go_from_s3_too(
    start: Start, runtime_settings: RuntimeSettings, others: Peers, s3: S3Server
) -> None:
    async with start(reaching(runtime_settings, others), **s3_settings(s3)) as storage:
        store = minio_store(s3)
        content = b"about Ann " * 700_000  # more than one part
        gone, stays = await storage.upload(content), await storage.upload(b"about Bob")
        before = [found.path async for page in store.list_objects(Zone.RAW) for found in page]
        certificate = await Lifecycle(storage).erased(asset_names=[gone.name])
        assert ("contents", 1) in {(r.kind, r.count) for r in certificate.removals}
        after = [found.path async for page in store.list_objects(Zone.RAW) for found in page]
        assert len(set(before) - set(after)) == 1
        assert (await storage.download(stays.name))[1] == b"about Bob"
        await store.close()


async def test_importing_the_same_folder_again_brings_nothing_back(
    start: Start, runtime_settings: RuntimeSettings, others: Peers, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "ann-canary.txt").write_bytes(b"about Ann")
    (root / "bob.txt").write_bytes(b"about Bob")
    async with start(reaching(runtime_settings, others), import_roots=[root]) as storage:
        imports = Imports(storage)
        await imports.folder(root)
        assert await imports.run() == {"created": 2}
        (gone,) = [a.name for a in (await storage.list_assets()).assets if a.external_id == "ann-canary.txt"]
        certificate = await Lifecycle(storage).erased(asset_names=[gone])
        assert ("import_items", 1) in {(r.kind, r.count) for r in certificate.removals}
        for path in storage.data_dir.rglob("*"):
            assert not path.is_file() or b"canary" not in path.read_bytes(), path.name
        assert await imports.run() == {"failed": 1, "unchanged": 1}
        assert gone not in await storage.listed()


async def test_clean_content_that_another_asset_shares_stays(alone: Storage) -> None:
    gone, stays = [result.asset for result in await alone.create([b"about Ann", b"about Bob"])]
    for asset in (gone, stays):
        await alone.admit_one(asset, b"about ***")
    await Lifecycle(alone).erased(asset_names=[gone.name])
    assert (await alone.download(stays.name, CLEAN, who="manager"))[1] == b"about ***"
    assert (await alone.download(stays.name, RAW))[1] == b"about Bob"
