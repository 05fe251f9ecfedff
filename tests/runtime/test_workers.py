"""Worker processes: warm, bounded, replaced when they die, gone when their parent is."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from labelmill_runtime.errors import ResourceExhausted, Unavailable
from labelmill_runtime.workers import WorkerPool
from tests.runtime import worker_functions as work


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    made = WorkerPool(2, work.warm_up, ("warm",), max_pending=4)
    yield made
    await made.close()


async def test_work_is_done_elsewhere_and_warm(pool: WorkerPool) -> None:
    pid, state = await pool.call(work.where)
    assert pid != os.getpid()
    assert state == "warm"


async def test_errors_come_back_whole(pool: WorkerPool) -> None:
    with pytest.raises(ResourceExhausted) as caught:
        await pool.call(work.refuse)
    assert (caught.value.reason, caught.value.retry_after_s) == ("TOO_MUCH", 2.0)
    with pytest.raises(ZeroDivisionError):
        await pool.call(work.divide, 1, 0)


async def test_a_killed_worker_is_replaced_and_the_call_made_again(pool: WorkerPool, tmp_path: Path) -> None:
    marker = tmp_path / "died"
    assert await pool.call(work.die_once, str(marker)) == "alive"
    assert marker.exists()
    assert await pool.call(work.divide, 6, 3) == 2


async def test_calls_in_flight_survive_the_death_of_a_worker(pool: WorkerPool) -> None:
    pid, _ = await pool.call(work.where)
    calls = [asyncio.create_task(pool.call(work.sleep, 0.5)) for _ in range(3)]
    await asyncio.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    assert await asyncio.gather(*calls) == [0.5] * 3


async def test_a_call_that_always_kills_its_worker_is_given_up(pool: WorkerPool) -> None:
    with pytest.raises(Unavailable) as caught:
        await pool.call(work.die)
    assert caught.value.reason == "WORKER_DIED"
    assert await pool.call(work.divide, 6, 3) == 2


async def test_a_full_queue_refuses_at_once(pool: WorkerPool) -> None:
    await pool.warm()
    calls = [asyncio.create_task(pool.call(work.sleep, 0.5)) for _ in range(4)]
    await asyncio.sleep(0)
    started = time.monotonic()
    with pytest.raises(ResourceExhausted) as caught:
        await pool.call(work.sleep, 0.5)
    assert time.monotonic() - started < 0.05
    assert (caught.value.reason, caught.value.retry_after_s) == ("WORKERS_BUSY", 1)
    await asyncio.gather(*calls)
    await asyncio.sleep(0.01)
    assert pool.pending == 0
    assert await pool.call(work.divide, 6, 3) == 2


async def test_a_call_given_up_keeps_its_place_until_the_worker_is_free(pool: WorkerPool) -> None:
    await pool.warm()
    call = asyncio.create_task(pool.call(work.sleep, 0.5))
    await asyncio.sleep(0.1)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    assert pool.pending == 1
    await asyncio.sleep(0.7)
    assert pool.pending == 0


async def test_closing_waits_for_short_work_and_cuts_long_work_off(pool: WorkerPool) -> None:
    await pool.warm()
    short, long = (asyncio.create_task(pool.call(work.sleep, seconds)) for seconds in (0.3, 60))
    await asyncio.sleep(0.1)
    started = time.monotonic()
    await pool.close(grace_s=1.0)
    assert 0.9 < time.monotonic() - started < 5
    assert await short == 0.3
    with pytest.raises(Unavailable):
        await long


async def test_a_closed_pool_refuses_and_leaves_no_process(pool: WorkerPool) -> None:
    pid, _ = await pool.call(work.where)
    await pool.close()
    with pytest.raises(Unavailable):
        await pool.call(work.where)
    assert not _alive(pid)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_die_with_their_parent(tmp_path: Path, number: signal.Signals) -> None:
    program = textwrap.dedent(
        """
        import asyncio
        from labelmill_runtime.workers import WorkerPool
        from tests.runtime import worker_functions as work

        async def main():
            pool = WorkerPool(2, work.warm_up, ("warm",))
            await pool.warm()
            print(*(process.pid for process in pool._executor._processes.values()), flush=True)
            await pool.call(work.sleep, 60)

        if __name__ == "__main__":
            asyncio.run(main())
        """
    )
    root = Path(__file__).resolve().parents[2]
    path = tmp_path / "parent.py"
    path.write_text(program)
    parent = subprocess.Popen(
        [sys.executable, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{root}:{root / 'services'}:{root / 'clients/python/src'}"},
    )
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2
    parent.send_signal(number)
    parent.wait(5)
    parent.stdout.close()
    deadline = time.monotonic() + 3
    while any(_alive(pid) for pid in pids):
        assert time.monotonic() < deadline, "a worker outlived its parent"
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"  # a zombie has ended
