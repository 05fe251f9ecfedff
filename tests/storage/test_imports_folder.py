"""Imports of folders: what is new and nothing else, whatever the files are called, and nothing outside of the roots."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from labelmill.storage.v1 import imports_service_pb2 as pb
from tests.storage.client import RAW, Storage, refused
from tests.storage.conftest import Start
from tests.storage.imports import Imports, metadata

FORBIDDEN = (grpc.StatusCode.PERMISSION_DENIED, "SOURCE_FORBIDDEN")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "root"
    path.mkdir()
    return path


@pytest.fixture
async def imports(start: Start, root: Path) -> AsyncIterator[Imports]:
    async with start(import_roots=[root]) as storage:
        yield Imports(storage)


def write(folder: Path, **files: str | bytes) -> None:
    for name, content in files.items():
        path = folder / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


async def contents(storage: Storage) -> dict[str, bytes]:
    """External id -> content of every asset."""
    assets = (await storage.list_assets(page_size=1000)).assets
    read = await storage.read([asset.name for asset in assets])
    return {asset.external_id: result.content for asset, result in zip(assets, read, strict=True)}


async def test_only_what_is_new_or_changed_is_imported(start: Start, both_settings: object, root: Path) -> None:
    async with start(both_settings, import_roots=[root]) as storage:
        imports = Imports(storage)
        (root / "sub").mkdir()
        write(root, one="one", two="two")
        write(root / "sub", three="three", same="one")
        (root / ".hidden").write_text("no")
        (root / ".git").mkdir()
        write(root / ".git", config="no")
        await imports.folder(root, labels={"set": "a"})
        assert await imports.run() == {"created": 3, "already_existed": 1}
        assert await contents(storage) == {"one.txt": b"one", "two.txt": b"two", "sub/three.txt": b"three"}
        assert {dict(a.labels)["set"] for a in (await storage.list_assets()).assets} == {"a"}
        assert await imports.run() == {"unchanged": 4}

        write(root, one="one changed", four="four")
        (root / "two.txt").unlink()
        assert await imports.run() == {"created": 2, "unchanged": 2}
        assert (await contents(storage))["one.txt"] == b"one changed"
        assert len(await storage.listed()) == 5  # the old content stays an asset of its own
        items = {item.key: item for item in await imports.items(page_size=2)}
        assert list(items) == sorted(["one.txt", "two.txt", "four.txt", "sub/three.txt", "sub/same.txt"])
        assert items["one.txt"].attempt_count == 2
        assert items["sub/same.txt"].asset in await storage.listed()
        source = await imports.get()
        assert source.import_time.ToMicroseconds() > source.create_time.ToMicroseconds()


async def test_an_unchanged_file_is_not_opened(imports: Imports, root: Path) -> None:
    write(root, one="one")
    await imports.folder(root)
    assert await imports.run() == {"created": 1}
    state = (root / "one.txt").stat()
    write(root, one="two")
    os.utime(root / "one.txt", ns=(state.st_atime_ns, state.st_mtime_ns))  # looks unchanged; who reads it knows better
    assert await imports.run() == {"unchanged": 1}
    assert await contents(imports.storage) == {"one.txt": b"one"}


async def test_a_change_of_the_same_length_in_the_same_moment_is_seen(imports: Imports, root: Path) -> None:
    await imports.folder(root)
    for number in range(10, 20):
        write(root, one=f"take {number}")
        assert await imports.run() == {"created": 1}


async def test_file_names_of_every_kind(imports: Imports, root: Path) -> None:
    deep = root
    for _ in range(40):
        deep = deep / ("d" * 50)
    deep.mkdir(parents=True)
    names = [
        b"caf\xe9.txt",
        b"caf\xe8.txt",
        b"line\nbreak \t.txt",
        b"x" * 255,
        "\u05e9\u05dc\u05d5\u05dd \u202e.txt".encode(),
        "\u00e9.txt".encode(),
        "e\u0301.txt".encode(),
        b"%2e%2e",
        b"-rf *",
    ]
    for number, name in enumerate(names):
        (root / os.fsdecode(name)).write_bytes(b"content %d" % number)
    write(deep, deep="deep")
    await imports.folder(root)
    assert await imports.run() == {"created": len(names) + 1}
    keys = [item.key for item in await imports.items()]
    assert len(set(keys)) == len(names) + 1
    assert "caf\\xe9.txt" in keys
    assert "\u00e9.txt" in keys
    assert "e\u0301.txt" in keys
    found = await contents(imports.storage)
    assert {found[key] for key in keys if key in found} >= {b"content 0", b"content 1", b"content 5", b"content 6"}
    assert len(found) == len(names) + 1
    assert await imports.run() == {"unchanged": len(names) + 1}


async def test_globs_choose_files(imports: Imports, root: Path) -> None:
    write(root, one="1")
    write(root / "a" / "b", two="2")
    (root / "a" / "b" / "three.md").write_text("3")
    await imports.folder(root, include=["**/*.txt"])
    await imports.folder(root, "below", include=["a/**", "nothing/*"])
    assert await imports.run() == {"created": 2}
    assert await imports.run("below") == {"created": 1, "already_existed": 1}


async def test_large_files_stream_in(imports: Imports, root: Path) -> None:
    large = os.urandom(5_000_000)
    write(root, large=large, small="small")
    (root / "empty.txt").touch()
    await imports.folder(root)
    assert await imports.run() == {"created": 2, "failed": 1}
    assert await imports.dead_letters() == {"empty.txt": "EMPTY_CONTENT"}
    (name,) = [item.asset for item in await imports.items(filter='key = "large.txt"')]
    assert (await imports.storage.download(name, RAW))[1] == large


async def test_bad_files_are_dead_letters_until_they_change_or_are_asked_for(imports: Imports, root: Path) -> None:
    write(root, good="good")
    (root / "empty.txt").touch()
    (root / "dangling.txt").symlink_to(root / "nowhere")
    os.mkfifo(root / "pipe")
    await imports.folder(root)
    operation = await imports.end()
    (summary := pb.ImportSummary()).ParseFromString(operation.response.value)
    assert (summary.created_count, summary.failed_count, summary.read_bytes) == (1, 3, 4)
    letters = {"empty.txt": "EMPTY_CONTENT", "dangling.txt": "UNREADABLE", "pipe": "UNREADABLE"}
    assert await imports.dead_letters() == letters
    progress = metadata(operation).progress
    assert (progress.total_count, progress.done_count, progress.failed_count) == (4, 4, 3)
    assert len(progress.partial_failures) == 3
    for failure in progress.partial_failures:
        assert failure.item.startswith(f"{summary.source}/items/")
        assert "txt" not in failure.item  # names of files may be personal

    assert await imports.run() == {"unchanged": 4}
    assert await imports.run(retry_failed=True) == {"unchanged": 1, "failed": 3}
    (empty,) = await imports.items(filter='key = "empty.txt" AND state = FAILED AND reason = "EMPTY_CONTENT"')
    assert empty.attempt_count == 2
    write(root, empty="not any more")
    assert await imports.run() == {"created": 1, "unchanged": 3}
    assert set(await imports.dead_letters()) == {"dangling.txt", "pipe"}
    (root / "pipe").unlink()
    (root / "good.txt").unlink()
    assert await imports.run() == {"unchanged": 2}
    assert set(await imports.dead_letters()) == {"dangling.txt"}  # what is gone failed no more
    assert {item.key for item in await imports.items()} == {"good.txt", "empty.txt", "dangling.txt"}


async def test_a_list_whose_place_is_forgotten_begins_again(imports: Imports, root: Path) -> None:
    for name in ("a", "b", "c"):
        (root / name).touch()
    source = await imports.folder(root)
    assert await imports.run() == {"failed": 3}
    request = pb.ListImportItemsRequest(parent=source.name, page_size=1)
    page = await imports.call("ListImportItems", request)
    assert [item.key for item in page.import_items] == ["a"]
    (root / "a").unlink()
    assert await imports.run() == {"unchanged": 2}
    request.page_token = page.next_page_token
    refusal = await refused(imports.call("ListImportItems", request))
    assert refusal.said == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")


async def test_nothing_outside_of_the_roots_is_read(imports: Imports, root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    (root / "file.txt").symlink_to(outside / "secret.txt")
    (root / "folder").symlink_to(outside)
    (root / "fine.txt").write_text("fine")
    (root / "link.txt").symlink_to(root / "fine.txt")
    (root / "door").symlink_to(outside)
    for path in (outside, tmp_path, "/", "/etc", root / "door", str(root) + "-beside", root / "door" / "nothing"):
        refusal = await refused(imports.folder(path))
        assert refusal.said == FORBIDDEN, path
    await imports.folder(root)
    assert await imports.run() == {"created": 1, "already_existed": 1, "failed": 3}
    assert set(await imports.dead_letters()) == {"file.txt", "folder", "door"}
    assert set((await imports.dead_letters()).values()) == {"SOURCE_FORBIDDEN"}
    assert [asset.raw.size_bytes for asset in (await imports.storage.list_assets()).assets] == [4]


async def test_a_folder_that_becomes_a_link_to_elsewhere_is_not_read(
    imports: Imports, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text("secret")
    (root / "in").mkdir()
    await imports.folder(root / "in")
    (root / "in").rmdir()
    (root / "in").symlink_to(tmp_path / "outside")
    assert (await imports.fails()).said == FORBIDDEN
    assert await imports.storage.listed() == []


async def test_what_the_service_keeps_is_closed(start: Start, tmp_path: Path) -> None:
    async with start(import_roots=[tmp_path]) as storage:
        imports = Imports(storage)
        await storage.upload(b"of another project")
        for path in (storage.data_dir, storage.data_dir / "objects" / "raw", storage.data_dir / "secrets"):
            assert (await refused(imports.folder(path))).said == FORBIDDEN
        (tmp_path / "fine.txt").write_text("fine")
        await imports.folder(tmp_path)
        assert await imports.run() == {"created": 1, "failed": 1}
        assert await imports.dead_letters() == {"data": "SOURCE_FORBIDDEN"}


async def test_without_roots_no_folder_is_imported(storage: Storage, tmp_path: Path) -> None:
    refusal = await refused(Imports(storage).folder(tmp_path))
    assert refusal.said == FORBIDDEN


async def test_a_folder_that_is_gone(imports: Imports, root: Path) -> None:
    await imports.folder(root / "later")
    assert (await imports.fails()).said == (grpc.StatusCode.FAILED_PRECONDITION, "SOURCE_MISSING")
    (root / "later").mkdir()
    write(root / "later", one="one")
    assert await imports.run() == {"created": 1}


async def test_files_that_go_or_grow_during_an_import_do_no_harm(imports: Imports, root: Path) -> None:
    for number in range(800):
        write(root, **{f"f{number}": f"text {number}"})
    await imports.folder(root)

    async def disturb() -> None:
        for number in range(0, 800, 2):
            (root / f"f{number}.txt").unlink()
            await asyncio.sleep(0)

    operation = await imports.begin()
    await disturb()
    done = await imports.wait(operation.name)
    assert not done.HasField("error")
    assert await imports.dead_letters() == {}
    assert (await imports.run()).get("unchanged") == 400
