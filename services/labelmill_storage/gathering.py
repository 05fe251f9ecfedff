"""Asks once for many: questions that arrive while one is being answered share the next. Pure.

The first goes at once, so nobody waits for company. A transaction costs some milliseconds however much it carries: one
for each call would be the limit of all small calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")

_AT_MOST = 200
"""Questions asked together: while a transaction lasts, no other writer gets its turn."""


class Gathered(Generic[Q, A]):
    """Gathers questions by project.

    Args:
        answer: Answers many questions of one project, in order. Whatever it raises for several is asked again one by
            one, so that one question never fails the others.
    """

    def __init__(self, answer: Callable[[str, Sequence[Q]], Awaitable[Sequence[A]]]) -> None:
        self._answer = answer
        self._waiting: dict[str, list[tuple[Q, asyncio.Future[A]]]] = {}
        self._askers: dict[str, asyncio.Task[None]] = {}

    async def ask(self, project: str, question: Q) -> A:
        """The answer, from a time after the question was asked."""
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(project, []).append((question, answer))
        if project not in self._askers:
            self._askers[project] = asyncio.create_task(self._ask_all(project))
        return await answer

    async def _ask_all(self, project: str) -> None:
        batch: list[tuple[Q, asyncio.Future[A]]] = []
        try:
            while waiting := self._waiting.get(project):
                batch, self._waiting[project] = waiting[:_AT_MOST], waiting[_AT_MOST:]
                await self._ask(project, batch)
        finally:
            del self._askers[project]
            for _, answer in [*batch, *self._waiting.pop(project, [])]:
                answer.cancel()  # those that are answered stay so; the others' service is ending

    async def _ask(self, project: str, batch: list[tuple[Q, asyncio.Future[A]]]) -> None:
        try:
            answers = await self._answer(project, [question for question, _ in batch])
        except Exception as error:  # whatever it is, it belongs to those who wait
            if len(batch) > 1:
                for one in batch:
                    await self._ask(project, [one])
            elif not batch[0][1].done():
                batch[0][1].set_exception(error)
            return
        for (_, waiting), answer in zip(batch, answers, strict=True):
            if not waiting.done():  # else its caller has left
                waiting.set_result(answer)
