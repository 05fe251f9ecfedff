"""Sources, one import at a time, cancelling, and going on after a kill."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.longrunning import operations_pb2

from labelmill.storage.v1 import imports_service_pb2 as pb
from labelmill.storage.v1 import lifecycle_service_pb2, service_pb2_grpc
from labelmill_runtime.settings import RuntimeSettings
from tests.storage.client import PARENT, Refusal, Storage, refused
from tests.storage.conftest import Start, make_keys
from tests.storage.imports import Imports, counts, metadata
from tests.storage.lifecycle_client import Lifecycle
from tests.storage.peers import peers
from tests.storage.projects import KnownProjects
from tests.storage.signing import Signer

ROOT = Path(__file__).resolve().parents[2]
NOT_FOUND = (grpc.StatusCode.NOT_FOUND, "SOURCE_NOT_FOUND")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "root"
    path.mkdir()
    return path


@pytest.fixture
async def imports(start: Start, both_settings: RuntimeSettings, root: Path) -> AsyncIterator[Imports]:
    async with start(both_settings, import_roots=[root]) as storage:
        yield Imports(storage)


@pytest.fixture
async def lite(start: Start, root: Path) -> AsyncIterator[Imports]:
    """On SQLite."""
    async with start(import_roots=[root]) as storage:
        yield Imports(storage)


def fill(root: Path, count: int, prefix: str = "text") -> None:
    for number in range(count):
        (root / f"{prefix}-{number:05}.txt").write_text(f"{prefix} {number}")


async def test_sources_are_made_listed_and_forgotten(imports: Imports, root: Path) -> None:
    fill(root, 3)
    made = await imports.folder(root, "b-files", include=["*.txt"], labels={"set": "a"})
    for source_id in ("c-files", "a-files"):
        await imports.folder(root, source_id)
    assert made == await imports.get("b-files")
    assert (made.folder.path, list(made.folder.include), dict(made.labels)) == (str(root), ["*.txt"], {"set": "a"})
    assert not made.HasField("import_time")

    names, token = [], ""
    while True:
        page = await imports.call("ListSources", pb.ListSourcesRequest(parent=PARENT, page_size=2, page_token=token))
        names += [source.name for source in page.sources]
        token = page.next_page_token
        if not token:
            break
    assert names == [f"{PARENT}/sources/{letter}-files" for letter in "abc"]

    assert await imports.run("b-files") == {"created": 3}
    request = pb.DeleteSourceRequest(name=made.name, request_id=str(uuid.uuid4()))
    for _ in range(2):  # the same call again has the same answer
        await imports.call("DeleteSource", request)
    assert (await refused(imports.get("b-files"))).said == NOT_FOUND
    assert (await refused(imports.items("b-files"))).said == NOT_FOUND
    assert (await refused(imports.begin("b-files"))).said == NOT_FOUND
    assert len(await imports.storage.listed()) == 3  # the assets stay
    await imports.folder(root, "b-files")
    assert await imports.items("b-files") == []
    assert await imports.run("b-files") == {"already_existed": 3}


async def test_an_id_is_taken_once(imports: Imports, root: Path) -> None:
    request = pb.CreateSourceRequest(
        parent=PARENT, source_id="files", source=pb.Source(folder=pb.Source.Folder(path=str(root)))
    )
    request.request_id = str(uuid.uuid4())
    first = await imports.call("CreateSource", request)
    assert await imports.call("CreateSource", request) == first
    assert (await refused(imports.folder(root))).said == (grpc.StatusCode.ALREADY_EXISTS, "SOURCE_EXISTS")


@pytest.mark.parametrize(
    ("place", "field"),
    [
        ({"folder": pb.Source.Folder(path="relative")}, "folder.path"),
        ({"folder": pb.Source.Folder(path="/a/../b")}, "folder.path"),
        ({"folder": pb.Source.Folder(path="/a", include=["../*"])}, "folder.include[0]"),
        ({"bucket": pb.Source.Bucket(bucket="No_Bucket")}, "bucket.bucket"),
        ({"manifest": pb.Source.Manifest(uri="/a/rows.txt")}, "manifest.format"),
        ({"manifest": pb.Source.Manifest(uri="rows.csv")}, "manifest.uri"),
        ({"manifest": pb.Source.Manifest(uri="s3://bucket")}, "manifest.uri"),
        (
            {
                "manifest": pb.Source.Manifest(uri="/a/rows.csv", label_columns=[f"c{n}" for n in range(64)]),
                "labels": {"one": "too many"},
            },
            "manifest.label_columns",
        ),
    ],
)
async def test_what_can_never_work_is_refused(storage: Storage, place: dict[str, Any], field: str) -> None:
    refusal = await refused(Imports(storage).create(**place))
    assert refusal.said == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_SOURCE")
    assert set(refusal.fields) == {field}


async def test_who_may_import(lite: Imports, root: Path) -> None:
    imports = lite
    await imports.folder(root)
    for who in ("annotator", "reviewer", "privacy_officer", "stranger"):
        assert (await refused(imports.folder(root, "other", who=who))).code is grpc.StatusCode.PERMISSION_DENIED
        request = pb.RunImportRequest(name=f"{PARENT}/sources/files")
        assert (await refused(imports.call("RunImport", request, who=who))).code is grpc.StatusCode.PERMISSION_DENIED
    listing = pb.ListImportItemsRequest(parent=f"{PARENT}/sources/files")
    for who in ("annotator", "stranger"):
        refusal = await refused(imports.call("ListImportItems", listing, who=who))
        assert refusal.code is grpc.StatusCode.PERMISSION_DENIED


async def test_one_import_at_a_time(imports: Imports, root: Path) -> None:
    fill(root, 1200)
    await imports.folder(root)
    request = pb.RunImportRequest(name=f"{PARENT}/sources/files", request_id=str(uuid.uuid4()))
    first = await imports.call("RunImport", request)
    assert (await imports.call("RunImport", request)).name == first.name
    running = (grpc.StatusCode.FAILED_PRECONDITION, "IMPORT_RUNNING")
    assert (await refused(imports.begin())).said == running
    delete = pb.DeleteSourceRequest(name=f"{PARENT}/sources/files")
    assert (await refused(imports.call("DeleteSource", delete))).said == running
    assert counts(await imports.wait(first.name)) == {"created": 1200}
    assert await imports.run() == {"unchanged": 1200}


async def test_only_one_of_many_at_once_begins(imports: Imports, root: Path) -> None:
    fill(root, 500)
    await imports.folder(root)
    outcomes = await asyncio.gather(*(imports.begin() for _ in range(8)), return_exceptions=True)
    begun = [outcome for outcome in outcomes if isinstance(outcome, operations_pb2.Operation)]
    assert len(begun) == 1
    others = [Refusal(outcome).reason for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)]
    assert others == ["IMPORT_RUNNING"] * 7
    assert counts(await imports.wait(begun[0].name)) == {"created": 500}


async def test_a_cancelled_import_ends_and_the_next_goes_on(lite: Imports, root: Path) -> None:
    imports = lite
    fill(root, 3000)
    await imports.folder(root)
    operation = await imports.begin()
    while not await imports.storage.listed():
        await asyncio.sleep(0.01)
    cancel = operations_pb2.CancelOperationRequest(name=operation.name)
    await imports.operations.CancelOperation(cancel, metadata=imports.storage.as_("manager"))
    ended = await imports.wait(operation.name)
    assert Refusal(ended.error).reason == "OPERATION_CANCELLED"
    done = metadata(ended).summary.created_count
    rest = await imports.run()
    assert rest["created"] + rest["unchanged"] == 3000
    assert rest["unchanged"] >= max(1, done)
    assert (await imports.storage.list_assets()).total_size == 3000


async def test_erased_content_does_not_come_back(start: Start, runtime_settings: RuntimeSettings, root: Path) -> None:
    fill(root, 2)
    async with peers() as others:
        reaching = {"peer_address": others.address, "service_key": "lm.service.key"}
        settings = RuntimeSettings(**{**runtime_settings.model_dump(), **reaching})
        async with start(settings, import_roots=[root]) as storage:
            imports = Imports(storage)
            await imports.folder(root)
            assert await imports.run() == {"created": 2}
            (item,) = await imports.items(filter='key = "text-00000.txt"')
            await Lifecycle(storage).erased(asset_names=[item.asset])
            (root / "text-00000.txt").touch()
            (root / "again.txt").write_text("text 0")
            assert await imports.run() == {"failed": 2, "unchanged": 1}
            erased = {"text-00000.txt": "CONTENT_ERASED", "again.txt": "CONTENT_ERASED"}
            assert await imports.dead_letters() == erased
            assert await imports.run() == {"unchanged": 3}


async def test_a_full_quota_ends_the_import_and_is_no_dead_letter(imports: Imports, root: Path) -> None:
    fill(root, 5)

    async def allow(objects: int) -> None:
        quota = lifecycle_service_pb2.Usage.Quota(max_objects=objects)
        request = lifecycle_service_pb2.UpdateQuotaRequest(name=f"{PARENT}/usage", quota=quota)
        await Lifecycle(imports.storage).call("UpdateQuota", request, who="owner")

    await allow(3)
    await imports.folder(root)
    assert (await imports.fails()).said == (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED")
    assert await imports.dead_letters() == {}
    assert len(await imports.storage.listed()) == 3
    await allow(0)
    assert await imports.run() == {"created": 2, "unchanged": 3}


@asynccontextmanager
async def alone(data_dir: Path, keys: dict[str, str], root: Path) -> AsyncIterator[tuple[Imports, int]]:
    """A server in a process of its own; and its process id."""
    environment = os.environ | {"LABELMILL_STORAGE_IMPORT_ROOTS": str(root), "LABELMILL_OPERATION_LEASE_S": "3"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.storage.serve_alone",
        str(data_dir),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env=environment,
    )
    try:
        assert process.stdout is not None
        address = f"127.0.0.1:{int(await asyncio.wait_for(process.stdout.readline(), 60))}"
        async with grpc.aio.insecure_channel(address) as channel:
            stub = service_pb2_grpc.StorageServiceStub(channel)
            storage = Storage(stub, keys, data_dir, KnownProjects(set()), Signer(None), address, channel)
            yield Imports(storage), process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_a_killed_import_goes_on_and_nothing_is_lost_or_doubled(root: Path, tmp_path: Path) -> None:
    fill(root, 2400)
    for number in range(50):
        (root / f"empty-{number}.txt").touch()
        (root / f"same-{number}.txt").write_text("the same in all of them")
    keys, data_dir = make_keys(tmp_path / "data" / "keys.json"), tmp_path / "data"
    name, seen = "", 0
    for _ in range(2):
        async with alone(data_dir, keys, root) as (imports, pid):
            if not name:
                await imports.folder(root)
                name = (await imports.begin()).name
            wanted = seen + 600
            while seen < min(wanted, 2401):
                await asyncio.sleep(0.02)
                seen = (await imports.storage.list_assets(page_size=1)).total_size
            os.kill(pid, 9)
    async with alone(data_dir, keys, root) as (imports, _):
        done = await imports.wait(name)
        assert not done.HasField("error"), done.error
        assert counts(done) == {"created": 2401, "already_existed": 49, "failed": 50}
        progress = metadata(done).progress
        assert (progress.done_count, progress.failed_count, len(progress.partial_failures)) == (2500, 50, 50)
        assert (await imports.storage.list_assets(page_size=1)).total_size == 2401
        items = await imports.items()
        assert len(items) == 2500
        assert {item.attempt_count for item in items} == {1}
        assert await imports.run() == {"unchanged": 2500}
