"""Texts that wait for a worker, and how long the last of them will: from what the workers did lately."""

from __future__ import annotations

import asyncio
import math
from collections import deque

from labelmill_anonymization.worker import Outcome, TextJob

_WORTH_A_CALL = 8  # texts; fewer cost more together than what two workers save
_TEXT_COSTS_CHARACTERS = 60  # what a text costs beside its length, in characters
_MOST_COUNTED = 100_000  # one huge text that waits for its turn does not shut out all others
_WEIGHT_OF_LATEST = 0.2
_BATCH_CHARACTERS = 50_000

Waiting = tuple[TextJob, "asyncio.Future[Outcome]"]


class Backlog:
    """A queue that knows its length in seconds.

    Args:
        workers: How many take from it.
        batch_texts: Texts that a worker takes at once.
    """

    def __init__(self, workers: int, batch_texts: int) -> None:
        self._workers = workers
        self._batch_texts = batch_texts
        self._waiting: deque[Waiting] = deque()
        self._cost = 0
        self._per_second = 0.0
        """What one worker does in a second; 0 until one has finished a batch."""

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_worth_preparing(self) -> bool:
        """Whether so many wait that a batch may lie ready for the worker that is done first; fewer rather grow."""
        return len(self._waiting) >= min(self._batch_texts, 2 * _WORTH_A_CALL)

    @property
    def wait_s(self) -> float:
        """Seconds until a text that comes now is taken up; 0 while nothing is known of the workers."""
        return self._cost / (self._per_second * self._workers) if self._per_second else 0.0

    def add(self, waiting: Waiting) -> None:
        """A text more."""
        self._waiting.append(waiting)
        self._cost += _cost(waiting[0])

    def take(self, free_workers: int) -> list[Waiting]:
        """A batch for one of the free workers; empty: none waits.

        Of those that have waited longest, as many as leave a fair share to the other workers, without those whose
        callers have given up.
        """
        batch: list[Waiting] = []
        characters = 0
        share = max(_WORTH_A_CALL, math.ceil(len(self._waiting) / max(1, free_workers)))
        while self._waiting and len(batch) < min(share, self._batch_texts):
            job, future = self._waiting[0]
            if batch and characters + len(job.text) > _BATCH_CHARACTERS:
                break
            self._waiting.popleft()
            self._cost -= _cost(job)
            if not future.done():
                batch.append((job, future))
                characters += len(job.text)
        return batch

    def done(self, batch: list[Waiting], seconds: float) -> None:
        """A worker took so many seconds for a batch."""
        latest = sum(_cost(job) for job, _ in batch) / max(seconds, 1e-6)
        known = self._per_second or latest
        self._per_second = known + _WEIGHT_OF_LATEST * (latest - known)

    def cancel(self) -> None:
        """All who wait go without."""
        while self._waiting:
            self._waiting.popleft()[1].cancel()


def _cost(job: TextJob) -> int:
    return min(len(job.text), _MOST_COUNTED) + _TEXT_COSTS_CHARACTERS
