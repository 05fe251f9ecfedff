"""What the local directory promises beyond every store."""

import asyncio
import errno
import hashlib
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from labelmill_runtime.errors import ResourceExhausted
from labelmill_storage.adapters import durable_files
from labelmill_storage.adapters.local_files import LocalFiles
from labelmill_storage.assets import Zone
from labelmill_storage.ports import ObjectKey

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
        "from labelmill_storage.adapters.local_files import LocalFiles;"
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
    for act in (lambda: put(store), lambda: store.put_many({KEY: b"content"})):
        synced.clear()
        await act()
        assert synced[-1] == str(folder)
        assert any(path.startswith(str(tmp_path / "staging")) for path in synced)
    await store.close()
