"""Calls that arrive while a query runs share the next one."""

import asyncio
from collections.abc import Sequence

import pytest

from labelmill_storage.gathering import Gathered


class Doubling:
    """Answers slowly with the double; notes what was asked together. A question 13 spoils whatever it is asked with."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    async def __call__(self, project: str, questions: Sequence[int]) -> list[int]:
        self.asked.append(list(questions))
        await asyncio.sleep(0.01)
        if 13 in questions:
            raise ValueError(questions)
        return [2 * question for question in questions]


async def test_the_first_goes_at_once_and_the_others_together() -> None:
    doubling = Doubling()
    gathered = Gathered(doubling)
    assert await asyncio.gather(*(gathered.ask("news", n) for n in range(5))) == [0, 2, 4, 6, 8]
    assert [n for batch in doubling.asked for n in batch] == [0, 1, 2, 3, 4]
    assert len(doubling.asked) <= 2


async def test_a_question_is_never_answered_from_before_it_was_asked() -> None:
    doubling = Doubling()
    gathered = Gathered(doubling)
    first = asyncio.create_task(gathered.ask("news", 1))
    await asyncio.sleep(0.001)
    assert doubling.asked == [[1]]  # under way
    assert await gathered.ask("news", 1) == 2
    assert doubling.asked == [[1], [1]]
    assert await first == 2


async def test_one_question_fails_alone() -> None:
    gathered = Gathered(Doubling())
    outcomes = await asyncio.gather(*(gathered.ask("news", n) for n in (1, 13, 3)), return_exceptions=True)
    assert outcomes[::2] == [2, 6]
    assert isinstance(outcomes[1], ValueError)


async def test_projects_are_asked_apart() -> None:
    doubling = Doubling()
    gathered = Gathered(doubling)
    await asyncio.gather(gathered.ask("news", 1), gathered.ask("other", 2))
    assert sorted(doubling.asked) == [[1], [2]]


async def test_one_who_leaves_disturbs_nobody() -> None:
    gathered = Gathered(Doubling())
    leaving, staying = (asyncio.create_task(gathered.ask("news", n)) for n in (1, 2))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == 4
    with pytest.raises(asyncio.CancelledError):
        await leaving
