"""Batches across callers: which texts share one, in what order, and what one caller's trouble does to the others."""

import asyncio

import numpy as np
import pytest

from labelmill_prelabel.batching import MicroBatcher, TokenIds, padded
from labelmill_prelabel.errors import BackendBusy, BackendUnavailable


class Recorder:
    """A backend that answers with each text's length, and can be held up."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.timeouts: list[float] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails = False

    async def run(self, batch: list[TokenIds], timeout_s: float) -> np.ndarray:
        self.batches.append([len(ids) for ids in batch])
        self.timeouts.append(timeout_s)
        await self.gate.wait()
        if self.fails:
            raise BackendUnavailable
        return np.array([[len(ids)] for ids in batch], dtype=np.float32)


def batcher(recorder: Recorder, **options: int) -> MicroBatcher:
    return MicroBatcher(recorder.run, **{"batch_size": 4, "parallel": 1, "max_waiting": 100, **options})


def texts(*lengths: int) -> list[list[int]]:
    return [[1] * length for length in lengths]


async def test_rows_come_back_in_the_order_of_the_texts():
    rows = await batcher(Recorder()).submit(texts(9, 1, 5, 2, 7, 3), 10)
    assert rows[:, 0].tolist() == [9, 1, 5, 2, 7, 3]


async def test_texts_of_like_length_share_a_batch():
    recorder = Recorder()
    await batcher(recorder).submit(texts(1, 50, 2, 51, 1, 52, 2, 53), 10)
    assert sorted(map(sorted, recorder.batches)) == [[1, 1, 2, 2], [50, 51, 52, 53]]


async def test_callers_that_wait_together_share_a_batch():
    recorder = Recorder()
    recorder.gate.clear()
    shared = batcher(recorder)
    callers = [asyncio.create_task(shared.submit(texts(3), 10)) for _ in range(5)]
    await asyncio.sleep(0.01)
    recorder.gate.set()
    await asyncio.gather(*callers)
    assert [len(batch) for batch in recorder.batches] == [4, 1]


async def test_nobody_starves_behind_texts_of_other_lengths():
    recorder = Recorder()
    recorder.gate.clear()
    shared = batcher(recorder)
    first = asyncio.create_task(shared.submit(texts(1), 10))
    await asyncio.sleep(0.01)
    long = asyncio.create_task(shared.submit(texts(99), 10))
    await asyncio.sleep(0)
    rest = asyncio.create_task(shared.submit(texts(*[1] * 12), 10))
    await asyncio.sleep(0.01)
    recorder.gate.set()
    await asyncio.gather(first, long, rest)
    assert 99 in recorder.batches[1]


async def test_too_many_waiting_texts_are_refused_at_once():
    recorder = Recorder()
    recorder.gate.clear()
    shared = batcher(recorder, max_waiting=5)
    waiting = asyncio.create_task(shared.submit(texts(1, 1, 1, 1, 1), 10))
    await asyncio.sleep(0.01)  # four are taken, one waits
    with pytest.raises(BackendBusy):
        await shared.submit(texts(1, 1, 1, 1, 1), 10)
    recorder.gate.set()
    assert len(await waiting) == 5


async def test_texts_of_a_caller_that_has_gone_are_not_computed():
    recorder = Recorder()
    recorder.gate.clear()
    shared = batcher(recorder)
    first = asyncio.create_task(shared.submit(texts(1), 10))
    await asyncio.sleep(0.01)
    gone = asyncio.create_task(shared.submit(texts(7, 7, 7), 10))
    stays = asyncio.create_task(shared.submit(texts(8), 10))
    await asyncio.sleep(0.01)
    gone.cancel()
    await asyncio.sleep(0.01)
    recorder.gate.set()
    await asyncio.gather(first, stays)
    assert recorder.batches == [[1], [8]]


async def test_texts_that_come_just_when_the_work_is_done_are_computed():
    recorder = Recorder()
    shared = batcher(recorder)

    async def ask_after(steps: int) -> None:
        for _ in range(steps):
            await asyncio.sleep(0)
        await shared.submit(texts(2), 10)

    async with asyncio.timeout(5):
        for steps in range(12):
            await asyncio.gather(shared.submit(texts(1), 10), ask_after(steps))


async def test_a_failed_batch_fails_its_callers_and_the_next_one_works():
    recorder = Recorder()
    recorder.fails = True
    shared = batcher(recorder)
    with pytest.raises(BackendUnavailable):
        await shared.submit(texts(1, 2, 3, 4, 5, 6), 10)
    recorder.fails = False
    assert (await shared.submit(texts(2), 10)).tolist() == [[2]]


async def test_a_batch_may_take_as_long_as_its_most_patient_caller():
    recorder = Recorder()
    await batcher(recorder).submit(texts(1), 3.0)
    assert 2.5 < recorder.timeouts[0] <= 3.0


def test_padding_is_masked():
    ids, mask = padded([[5, 6], [7]])
    assert ids.tolist() == [[5, 6], [7, 0]]
    assert mask.tolist() == [[1, 1], [1, 0]]
