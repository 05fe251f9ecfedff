"""The same request, sent again, has one effect and one answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_runtime.database import Database
from labelmill_runtime.errors import InvalidArgument
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.principal import Principal, set_current_principal
from tests.runtime.calls import call, refused, say
from tests.runtime.conftest import Running
from tests.runtime.echo_protos import echo_pb2


class Effects:
    """Counts how often the effect happened, in the database and outside of it."""

    def __init__(self, database: Database) -> None:
        self.table = database.metadata.tables["effects"]
        self.database = database
        self.fail = False

    async def once(self, session: AsyncSession) -> Any:
        await session.execute(sa.insert(self.table).values(text="effect"))
        count = await session.scalar(sa.select(sa.func.count()).select_from(self.table))
        if self.fail:
            raise RuntimeError
        return echo_pb2.SayResponse(count=count)

    async def count(self) -> int:
        async with self.database.reading() as session:
            return await session.scalar(sa.select(sa.func.count()).select_from(self.table)) or 0


async def test_fifty_racers_with_one_id_have_one_effect_and_equal_answers(database: Database) -> None:
    log, effects = RequestLog(database), Effects(database)
    request = say(text="race", request_id="racing-1")
    answers = await asyncio.gather(*(log.once(request, effects.once, echo_pb2.SayResponse) for _ in range(50)))
    assert await effects.count() == 1
    assert all(answer == echo_pb2.SayResponse(count=1) for answer in answers)


async def test_another_body_under_the_same_id_is_refused(database: Database) -> None:
    log, effects = RequestLog(database), Effects(database)
    await log.once(say(text="a", request_id="r"), effects.once, echo_pb2.SayResponse)
    with pytest.raises(InvalidArgument) as caught:
        await log.once(say(text="b", request_id="r"), effects.once, echo_pb2.SayResponse)
    assert caught.value.reason == "REQUEST_ID_REUSED"
    assert await effects.count() == 1


async def test_a_failed_request_may_be_tried_again_with_its_id(database: Database) -> None:
    log, effects = RequestLog(database), Effects(database)
    effects.fail = True
    with pytest.raises(RuntimeError):
        await log.once(say(request_id="r"), effects.once, echo_pb2.SayResponse)
    effects.fail = False
    assert (await log.once(say(request_id="r"), effects.once, echo_pb2.SayResponse)).count == 1


async def test_without_an_id_every_request_has_its_effect(database: Database) -> None:
    log, effects = RequestLog(database), Effects(database)
    for _ in range(3):
        await log.once(say(), effects.once, echo_pb2.SayResponse)
    assert await effects.count() == 3


async def test_two_callers_may_use_the_same_id(database: Database) -> None:
    log, effects = RequestLog(database), Effects(database)
    for who in ("a", "b"):
        set_current_principal(Principal(who, ()))
        await log.once(say(request_id="r"), effects.once, echo_pb2.SayResponse)
    assert await effects.count() == 2


async def test_ids_are_forgotten_after_a_day(database: Database) -> None:
    now = [1_000_000_000]
    log, effects = RequestLog(database, now_ms=lambda: now[0]), Effects(database)
    await log.once(say(request_id="r"), effects.once, echo_pb2.SayResponse)
    now[0] += 24 * 3600 * 1000 - 1
    await log.once(say(request_id="r"), effects.once, echo_pb2.SayResponse)
    assert await effects.count() == 1
    now[0] += 1
    await log.once(say(request_id="r", text="other"), effects.once, echo_pb2.SayResponse)
    assert await effects.count() == 2


async def test_retries_over_the_wire_get_the_first_answer(run: Running) -> None:
    request = say(text="once", request_id="wire-1")
    answers = [(await call(run.stub, "Say", [request], run.as_("manager")))[0] for _ in range(5)]
    assert all(answer == answers[0] for answer in answers)
    assert answers[0].count == 1
    refusal = await refused(run.stub, "Say", [say(text="else", request_id="wire-1")], run.as_("manager"))
    assert (refusal.reason, list(refusal.fields)) == ("REQUEST_ID_REUSED", ["request_id"])


async def test_forgotten_answers_are_those_that_mention_a_resource(database: Database) -> None:
    """Serialized names are followed by whatever the next field begins with, letters included."""
    log, table = RequestLog(database), database.tables.requests
    texts = [
        "projects/p1/assets/a1",
        "of projects/p1/assets/b22j",
        "projects/p1/assets/c3",
        "projects/p2/assets/a1",
        "",
    ]

    for number, text in enumerate(texts):

        async def respond(_session: AsyncSession, text: str = text) -> Any:
            return echo_pb2.SayResponse(text=text, count=1)

        await log.once(say(request_id=str(number)), respond, echo_pb2.SayResponse)
    assert await log.forget([f"projects/p1/assets/{asset}" for asset in ("a1", "b22", "x1")]) == 2
    async with database.reading() as session:
        left = [
            echo_pb2.SayResponse.FromString(answer).text
            for answer in await session.scalars(sa.select(table.c.response))
        ]
    assert sorted(left) == sorted(texts[2:])
    assert await log.forget(["projects/p1/assets/a1"]) == 0


async def test_a_forgotten_request_runs_again(database: Database) -> None:
    log, effects = RequestLog(database), Effects(database)

    async def respond(session: AsyncSession) -> Any:
        await effects.once(session)
        return echo_pb2.SayResponse(text="projects/p1/assets/a1")

    await log.once(say(request_id="r"), respond, echo_pb2.SayResponse)
    await log.forget(["projects/p1/assets/a1"])
    await log.once(say(request_id="r"), respond, echo_pb2.SayResponse)
    assert await effects.count() == 2
