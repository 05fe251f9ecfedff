"""Micro-batches across concurrent requests, of texts of similar length so that little is padding.

While the backend is busy, texts of all callers wait together; whenever it is free, the text that has waited longest
goes next, with the ones nearest to it in length.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from labelmill_prelabel.errors import BackendBusy, BackendUnavailable

TokenIds = Sequence[int]
Row = npt.NDArray[np.float32]
RunBatch = Callable[[list[TokenIds], float], Awaitable[Row]]
"""Rows for a batch, given the batch and the seconds that it may take."""


@dataclass(slots=True)
class _Waiting:
    key: tuple[int, int]  # length, then arrival: unique, so that entries sort without comparing anything else
    ids: TokenIds
    deadline: float
    answer: asyncio.Future[Row] = field(repr=False)
    taken: bool = False


class MicroBatcher:
    """Collects texts into batches.

    Args:
        run: Computes one batch.
        batch_size: Texts in a batch at most.
        parallel: Batches that are computed at once.
        max_waiting: Texts that may wait; more are refused.
    """

    def __init__(self, run: RunBatch, *, batch_size: int, parallel: int, max_waiting: int) -> None:
        self._run = run
        self._batch_size = batch_size
        self._parallel = parallel
        self._max_waiting = max_waiting
        self._by_length: list[_Waiting] = []
        self._by_arrival: deque[_Waiting] = deque()
        self._arrivals = 0
        self._working = 0
        self._workers: set[asyncio.Task[None]] = set()  # so that none is collected as garbage while it works

    async def submit(self, texts: Sequence[TokenIds], timeout_s: float) -> Row:
        """One row a text, in order.

        Raises:
            BackendBusy: Too many texts wait already.
        """
        if len(self._by_length) + len(texts) > self._max_waiting:
            raise BackendBusy
        loop = asyncio.get_running_loop()
        waiting = [self._add(ids, loop.time() + timeout_s, loop.create_future()) for ids in texts]
        while self._working < min(self._parallel, -(-len(self._by_length) // self._batch_size)):
            self._working += 1
            worker = asyncio.create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        try:
            rows = await asyncio.gather(*(one.answer for one in waiting))
        finally:
            for one in waiting:  # one failed, or the caller has gone: the rest need not be computed
                self._drop(one)
        return np.stack(rows)

    def _add(self, ids: TokenIds, deadline: float, answer: asyncio.Future[Row]) -> _Waiting:
        self._arrivals += 1
        one = _Waiting((len(ids), self._arrivals), ids, deadline, answer)
        insort(self._by_length, one, key=_key)
        self._by_arrival.append(one)
        return one

    def _drop(self, one: _Waiting) -> None:
        one.answer.cancel()
        if not one.taken:
            one.taken = True
            del self._by_length[bisect_left(self._by_length, one.key, key=_key)]

    def _take(self) -> list[_Waiting]:
        while self._by_arrival and self._by_arrival[0].taken:
            self._by_arrival.popleft()
        if not self._by_arrival:
            return []
        oldest = bisect_left(self._by_length, self._by_arrival[0].key, key=_key)
        start = max(0, min(oldest - self._batch_size // 2, len(self._by_length) - self._batch_size))
        batch = self._by_length[start : start + self._batch_size]
        del self._by_length[start : start + self._batch_size]
        for one in batch:
            one.taken = True
        return batch

    async def _work(self) -> None:
        try:
            while batch := self._take():
                await self._answer(batch)
        finally:
            # Here and not when the task is done: a text that comes in between would find nobody at work for it.
            self._working -= 1

    async def _answer(self, batch: Sequence[_Waiting]) -> None:
        try:
            left = max(one.deadline for one in batch) - asyncio.get_running_loop().time()
            rows = await self._run([one.ids for one in batch], max(left, 0.001))
            answers = list(zip(batch, rows, strict=True))
        except asyncio.CancelledError:  # the backend is being closed; nobody may wait for ever
            _fail(batch, BackendUnavailable())
            raise
        except Exception as error:
            _fail(batch, error)
        else:
            for one, row in answers:
                if not one.answer.done():
                    one.answer.set_result(row)


def _fail(batch: Sequence[_Waiting], error: Exception) -> None:
    for one in batch:
        if not one.answer.done():
            one.answer.set_exception(error)


def _key(one: _Waiting) -> tuple[int, int]:
    return one.key


def padded(batch: Sequence[TokenIds]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Token ids and attention mask as rectangles."""
    width = max(len(ids) for ids in batch)
    ids = np.zeros((len(batch), width), dtype=np.int64)
    mask = np.zeros((len(batch), width), dtype=np.int64)
    for row, tokens in enumerate(batch):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return ids, mask
