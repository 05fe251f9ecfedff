"""Many small calls made at the same moment share one: each of theirs costs more than what it carries.

Nobody waits for company: a call goes out as soon as the one before has ended, with whatever has gathered by then.
"""

from __future__ import annotations

import asyncio
import copy
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

from labelmill import errors

K = TypeVar("K", bound=Hashable)
Q = TypeVar("Q")
A = TypeVar("A")


class Gathering(Generic[K, Q, A]):
    """Gathers questions by key."""

    def __init__(
        self,
        answer: Callable[[K, Sequence[Q]], Awaitable[Sequence[A | errors.LabelmillError]]],
        *,
        weight: Callable[[Q], int],
        most: int,
        heaviest: int,
        at_once: int = 1,
    ) -> None:
        """Asks nothing yet.

        Args:
            answer: One call for many questions: an answer or an error for each, in order. When it raises
                InvalidArgument for several, they are asked one by one, so that only the bad one fails.
            weight: Of a question.
            most: Questions in a call.
            heaviest: What the questions of a call may weigh together.
            at_once: Calls under way for each key: the longer one takes, the more share the next, and the less each
                costs.
        """
        self._answer = answer
        self._weight = weight
        self._most = most
        self._heaviest = heaviest
        self._at_once = at_once
        self._waiting: dict[K, deque[tuple[Q, asyncio.Future[A]]]] = {}
        self._calls: dict[K, set[asyncio.Task[None]]] = {}

    async def ask(self, key: K, question: Q) -> A:
        """The answer to one question. Raises the error that is its own, or that of the call."""
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append((question, answer))
        calls = self._calls.setdefault(key, set())
        if len(calls) < self._at_once:
            calls.add(asyncio.create_task(self._ask_all(key)))
        return await answer

    async def _ask_all(self, key: K) -> None:
        batch: list[tuple[Q, asyncio.Future[A]]] = []
        try:
            await asyncio.sleep(0)  # those who ask in the same turn of the loop come along
            while batch := self._taken(key):
                await self._ask(key, batch)
        finally:
            for _, answer in batch:
                answer.cancel()  # those that are answered stay so; the others' loop is ending
            calls = self._calls[key]
            calls.discard(asyncio.current_task())
            if not calls:
                del self._calls[key]
                for _, answer in self._waiting.pop(key, ()):
                    answer.cancel()

    def _taken(self, key: K) -> list[tuple[Q, asyncio.Future[A]]]:
        waiting, batch, weight = self._waiting[key], list[tuple[Q, asyncio.Future[A]]](), 0
        while waiting and len(batch) < self._most:
            weight += self._weight(waiting[0][0])
            if batch and weight > self._heaviest:
                break
            batch.append(waiting.popleft())
        return [one for one in batch if not one[1].done()] or (self._taken(key) if batch else [])

    async def _ask(self, key: K, batch: Sequence[tuple[Q, asyncio.Future[A]]]) -> None:
        try:
            outcomes = await self._answer(key, [question for question, _ in batch])
        except errors.InvalidArgument as error:
            if len(batch) > 1:
                for one in batch:
                    await self._ask(key, [one])
                return
            outcomes = [error]
        except Exception as error:  # whatever it is, it belongs to those who wait
            outcomes = [copy.copy(error) for _ in batch]  # type: ignore[misc]
        for (_, answer), outcome in zip(batch, outcomes, strict=True):
            if answer.done():
                continue  # its caller has left
            if isinstance(outcome, Exception):
                answer.set_exception(outcome)
            else:
                answer.set_result(outcome)
