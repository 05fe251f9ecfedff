"""Answers that a worker process computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from google.protobuf.message import Message

from labelmill_quality.errors import AnswerTooLarge
from labelmill_runtime.workers import WorkerPool

P = ParamSpec("P")
M = TypeVar("M", bound=Message)
R = TypeVar("R")


class Computing:
    """Calls jobs of the worker processes.

    Args:
        workers: The processes.
        cell_limit: Numbers that an answer's tables may have.
        max_message_bytes: How large an answer may be.
    """

    def __init__(self, workers: WorkerPool, *, cell_limit: int, max_message_bytes: int) -> None:
        self._workers = workers
        self._max_message_bytes = max_message_bytes
        self.cell_limit = cell_limit

    async def answer(self, response: type[M], job: Callable[P, bytes], *args: P.args, **kwargs: P.kwargs) -> M:
        """The job's answer.

        Raises:
            AnswerTooLarge: It does not fit into one message.
        """
        return response.FromString(self.fitting(await self.call(job, *args, **kwargs)))

    async def call(self, job: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """What a job returns that is no message."""
        return await self._workers.call(job, *args, **kwargs)

    def fitting(self, body: bytes) -> bytes:
        """An answer that fits into one message.

        Raises:
            AnswerTooLarge: It does not.
        """
        if len(body) > self._max_message_bytes:
            raise AnswerTooLarge(size=len(body), limit=self._max_message_bytes)
        return body
