"""What the local directory promises beyond every store."""

import asyncio
import errno
import hashlib
import os
import resource
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from labelmill_runtime.errors import ResourceExhausted
from labelmill_storage.adapters.objects import durable_files
from labelmill_storage.adapters.objects.local_files import LocalFiles
from labelmill_storage.assets import Zone
from labelmill_storage.ports import ObjectKey, ObjectMissing, UploadActive

KEY = ObjectKey(Zone.RAW, "news", hashlib.sha256(b"content").hexdigest())


def staged_in(root: Path) -> list[Path]:
    return [path for path in (root / "staging").rglob("*") if path.is_file() and path.name != "lock"]


async def put(store: LocalFiles, content: bytes = b"content") -> None:
    async with store.stage(Zone.RAW, "news") as staged:
        await staged.write(content)
        await staged.commit(KEY)


async def test_object_lies_under_its_hash_readable_by_its_owner_alone(tmp_path: Path) -> None:
    store = LocalFiles(tmp_path / "objects")
    await put(store)
    path = tmp_path / "objects" / "raw" / "news" / KEY.sha256[:2] / KEY.sha256
    assert path.read_bytes() == b"content"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "objects").stat().st_mode) == 0o700
    await store.close()


async def test_closing_leaves_no_staging_folder(tmp_path: Path) -> None:
    store = LocalFiles(tmp_path)
    await put(store)
    await store.close()
    assert list((tmp_path / "staging").iterdir()) == []


async def test_sweep_removes_what_the_dead_left_and_spares_the_living(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path;"
        "from labelmill_storage.adapters.objects.local_files import LocalFiles;"
        "store = LocalFiles(Path(sys.argv[1])); (store._staging / 'half').write_bytes(b'half an upload');"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)])
    assert [path.name for path in staged_in(tmp_path)] == ["half"]
    living, sweeper = LocalFiles(tmp_path), LocalFiles(tmp_path)
    async with living.stage(Zone.RAW, "news") as staged:
        await staged.write(b"content")
        assert await sweeper.sweep() == 1
        assert len(staged_in(tmp_path)) == 1
        await staged.commit(KEY)
    assert await sweeper.read(KEY, 0, 100) == b"content"
    await living.close()
    await sweeper.close()


async def test_cancellation_while_a_thread_writes_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, leave = threading.Event(), threading.Event()
    write_all = durable_files.write_all

    def slow(descriptor: int, data: bytes) -> None:
        entered.set()
        assert leave.wait(10)
        write_all(descriptor, data)

    monkeypatch.setattr(durable_files, "write_all", slow)
    store = LocalFiles(tmp_path)
    task = asyncio.create_task(put(store))
    await asyncio.to_thread(entered.wait, 10)
    task.cancel()
    await asyncio.sleep(0.05)
    assert not task.done()  # it waits for its thread, whose file it is about to remove
    leave.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert staged_in(tmp_path) == []
    assert not await store.exists(KEY)
    await store.close()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
async def test_full_disk_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    store = LocalFiles(tmp_path)

    def full(_descriptor: int, _data: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(ResourceExhausted) as caught:
        await put(store)
    with pytest.raises(ResourceExhausted):
        await store.put_many({KEY: b"content"})
    monkeypatch.undo()
    assert caught.value.reason == "STORE_FULL"
    assert staged_in(tmp_path) == []
    assert not await store.exists(KEY)
    await store.close()


async def test_everything_is_on_disk_before_it_is_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def recording(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", recording)
    store = LocalFiles(tmp_path)
    folder = tmp_path / "raw" / "news" / KEY.sha256[:2]
    acts: list[Callable[[], Awaitable[None]]] = [lambda: put(store), lambda: store.put_many({KEY: b"content"})]
    for act in acts:
        synced.clear()
        await act()
        assert synced[-1] == str(folder)
        assert any(path.startswith(str(tmp_path / "staging")) for path in synced)
    await store.close()


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[Path]:
    """A file system that is full soon; where none can be mounted, files that cannot grow beyond a size."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder)]
    if shutil.which("mount") and subprocess.run(mount, capture_output=True).returncode == 0:
        try:
            yield folder
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)
        return
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes // 2, limits[1]))
    try:
        yield folder
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


async def test_disk_that_is_really_full_is_told_and_holds_nothing_half_written(tmp_path: Path) -> None:
    content = os.urandom(2 * 1024 * 1024)
    key = ObjectKey(Zone.RAW, "news", hashlib.sha256(content).hexdigest())
    with small_disk(tmp_path / "disk", 1024 * 1024) as disk:
        store = LocalFiles(disk / "objects")
        handle = await store.begin_upload(Zone.RAW, "news", len(content))

        async def staged() -> None:
            async with store.stage(Zone.RAW, "news") as upload:
                await upload.write(content)

        async def continued() -> None:
            async with store.continue_upload(Zone.RAW, handle) as upload:
                await upload.write(content)

        for act in (staged, continued, lambda: store.put_many({key: content})):
            with pytest.raises(ResourceExhausted) as caught:
                await act()
            assert caught.value.reason == "STORE_FULL"
            assert staged_in(disk / "objects") == []
            if act is continued:  # what fitted counts, and makes room when it is dropped
                assert 0 < await store.received(Zone.RAW, handle) < len(content)
                await store.drop_upload(Zone.RAW, handle)
        assert [page async for page in store.list_objects(Zone.RAW)] == []
        await put(store)
        assert await store.read(KEY, 0, 100) == b"content"
        await store.close()


async def test_killed_upload_is_not_readable_and_goes_on_in_another_process(tmp_path: Path) -> None:
    store = LocalFiles(tmp_path)
    handle = await store.begin_upload(Zone.RAW, "news", 7)
    code = (
        "import asyncio, os, signal, sys; from pathlib import Path\n"
        "from labelmill_storage.adapters.objects.local_files import LocalFiles\n"
        "from labelmill_storage.assets import Zone\n"
        "async def run():\n"
        "    async with LocalFiles(Path(sys.argv[1])).continue_upload(Zone.RAW, sys.argv[2]) as upload:\n"
        "        await upload.write(b'cont')\n"
        "        print('written', flush=True)\n"
        "        sys.stdin.read()\n"
        "asyncio.run(run())\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path), handle], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with other:
        assert other.stdout is not None
        assert await asyncio.to_thread(other.stdout.readline) == b"written\n"
        with pytest.raises(UploadActive):  # across processes, too
            async with store.continue_upload(Zone.RAW, handle):
                pass
        other.kill()
    assert [page async for page in store.list_objects(Zone.RAW)] == []
    await store.sweep()
    async with store.continue_upload(Zone.RAW, handle) as upload:
        assert upload.received_bytes == 4
        await upload.write(b"ent")
        await upload.commit(KEY)
    assert await store.read(KEY, 0, 100) == b"content"
    await store.close()


async def test_bytes_are_on_disk_before_they_are_counted_or_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalFiles(tmp_path)
    done: list[str] = []
    sync, sync_all, move = durable_files.sync, durable_files.sync_filesystem, durable_files.move

    def recorded(name: str, call: Callable[..., None]) -> Callable[..., None]:
        def calling(*arguments: object) -> None:
            call(*arguments)
            done.append(name)

        return calling

    monkeypatch.setattr(durable_files, "sync", recorded("sync", sync))
    monkeypatch.setattr(durable_files, "sync_filesystem", recorded("sync all", sync_all))
    monkeypatch.setattr(durable_files, "move", recorded("move", move))
    handle = await store.begin_upload(Zone.RAW, "news", 0)
    async with store.continue_upload(Zone.RAW, handle) as upload:
        await upload.write(b"content")
        done.clear()
        assert await store.received(Zone.RAW, handle) == 7
        assert done == ["sync"]
    many = {ObjectKey(Zone.RAW, "news", hashlib.sha256(bytes([i])).hexdigest()): bytes([i]) for i in range(100)}
    done.clear()
    await store.put_many(many)
    assert [name for name in done if name != "sync"] == ["sync all", *["move"] * 100, "sync all"]
    assert await store.read_many(list(many)) == list(many.values())
    await store.close()


async def test_a_path_that_leads_elsewhere_removes_nothing(tmp_path: Path) -> None:
    store = LocalFiles(tmp_path / "objects")
    (tmp_path / "other").write_bytes(b"not an object")
    for path in ("../../other", str(tmp_path / "other")):
        with pytest.raises(ObjectMissing):
            await store.remove_many(Zone.RAW, [path])
    for handle in ("../other", "news/../../other", "news/" + "0" * 32):
        with pytest.raises(ObjectMissing):
            await store.received(Zone.RAW, handle)
    assert (tmp_path / "other").read_bytes() == b"not an object"
    await store.close()
