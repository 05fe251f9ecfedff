"""The ledger on both databases: nothing is released beyond the budget, nothing is paid twice, nothing is free."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from labelmill_anonymization.adapters.ledger_tables import metadata
from labelmill_anonymization.adapters.sql_ledger import SqlLedger
from labelmill_anonymization.contents.content import RawContent
from labelmill_anonymization.statistics.errors import BudgetBelowSpent, BudgetSpent, RequestIdReused, StaleBudget
from labelmill_anonymization.statistics.ports import Noisy, Release, Value
from labelmill_anonymization.statistics.price import Price
from labelmill_anonymization.statistics.release import Statistics
from labelmill_anonymization.statistics.statistic import AssetData, Count, Figure, LabelData, Statistic, TableData
from labelmill_anonymization.statistics.units import Numbers
from labelmill_runtime.database import Database
from labelmill_runtime.settings import RuntimeSettings
from tests.support.postgres import new_database

PRICE = Price.of(0.1, 0.0)


@pytest.fixture(params=["sqlite", "postgresql"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqlLedger]:
    url = new_database(request.getfixturevalue("postgres_url")) if request.param == "postgresql" else None
    database = await Database.open(RuntimeSettings(data_dir=tmp_path, database_url=url), "anonymization", metadata)
    made = SqlLedger(database)
    yield made
    await database.close()


async def give(ledger: SqlLedger, epsilon: float, delta: float = 0.0, etag: str = "") -> str:
    async with ledger._database.transaction() as session:
        return (await ledger.set_total(session, "demo", Price.total(epsilon, delta), etag)).etag


def asked(number: int, price: Price = PRICE, body: bytes = b"b") -> Release:
    statistic = Statistic(AssetData(), Count())
    return Release("demo", f"{number:032x}", statistic, price, "ann", 0, f"key-{number}", body)


@dataclass
class CountingMechanisms:
    """Answers with how often it was asked; breaks down when told."""

    calls: int = 0
    breaks: set[int] = field(default_factory=set)

    async def numbers(self, content: RawContent, data: TableData, figure: Figure) -> Numbers:
        raise AssertionError

    async def release(self, numbers: Numbers, figure: Figure, price: Price) -> Noisy:
        self.calls += 1
        call = self.calls
        await asyncio.sleep(0)
        if call in self.breaks:
            raise RuntimeError("the server dies")
        return Noisy("test", (Value("", float(call)),))


class NoAssets:
    """A project without assets."""

    async def asset_values(self, project: str, data: AssetData) -> Sequence[frozenset[str]]:
        return []

    async def entity_types(self, project: str, policy: str) -> Sequence[frozenset[str]]:
        return []

    async def given_classes(self, project: str, data: LabelData) -> Sequence[frozenset[str]]:
        return []

    async def table(self, asset: str) -> RawContent:
        raise AssertionError


async def test_without_a_budget_nothing_is_released(ledger: SqlLedger) -> None:
    with pytest.raises(BudgetSpent):
        await ledger.spend(asked(1))
    assert await ledger.list_releases("demo", 0, 10) == []


async def test_ten_tenths_are_one_and_the_eleventh_is_refused(ledger: SqlLedger) -> None:
    await give(ledger, 1.0)
    for number in range(10):
        await ledger.spend(asked(number))
    with pytest.raises(BudgetSpent) as caught:
        await ledger.spend(asked(10))
    assert caught.value.metadata == {"epsilon_left": "0", "delta_left": "0"}
    budget = await ledger.budget("demo")
    assert budget.spent == budget.total
    assert budget.release_count == len(await ledger.list_releases("demo", 0, 100)) == 10


async def test_callers_at_once_cannot_spend_the_same_rest(ledger: SqlLedger) -> None:
    await give(ledger, 0.5)
    outcomes = await asyncio.gather(*(ledger.spend(asked(n)) for n in range(20)), return_exceptions=True)
    assert sum(isinstance(outcome, Release) for outcome in outcomes) == 5
    assert all(isinstance(outcome, Release | BudgetSpent) for outcome in outcomes)
    assert (await ledger.budget("demo")).spent == Price.of(0.5, 0.0)
    assert [place for place, _ in await ledger.list_releases("demo", 0, 100)] == [1, 2, 3, 4, 5]


async def test_delta_is_a_budget_of_its_own(ledger: SqlLedger) -> None:
    await give(ledger, 10.0, 1e-6)
    await ledger.spend(asked(1, Price.of(0.1, 1e-6)))
    with pytest.raises(BudgetSpent):
        await ledger.spend(asked(2, Price.of(0.1, 1e-15)))
    await ledger.spend(asked(3))


async def test_one_request_that_comes_many_times_at_once_is_paid_once_and_answered_alike(ledger: SqlLedger) -> None:
    await give(ledger, 1.0)
    statistics = Statistics(ledger, NoAssets(), CountingMechanisms())
    calls = [dataclasses.replace(asked(1), release_id=f"{n:032x}") for n in range(8)]
    answers = await asyncio.gather(*map(statistics.release, calls))
    assert len({answer.noisy for answer in answers}) == 1
    assert len({answer.release_id for answer in answers}) == 1
    assert (await ledger.budget("demo")).spent == PRICE


async def test_the_same_question_with_a_new_id_costs_again(ledger: SqlLedger) -> None:
    await give(ledger, 1.0)
    statistics = Statistics(ledger, NoAssets(), CountingMechanisms())
    first, second = await statistics.release(asked(1)), await statistics.release(asked(2))
    assert first.noisy != second.noisy
    assert (await ledger.budget("demo")).spent == Price.of(0.2, 0.0)


async def test_an_id_belongs_to_one_question(ledger: SqlLedger) -> None:
    await give(ledger, 1.0)
    statistics = Statistics(ledger, NoAssets(), CountingMechanisms())
    await statistics.release(asked(1))
    with pytest.raises(RequestIdReused):
        await statistics.release(asked(1, body=b"another"))


async def test_a_server_that_dies_after_the_payment_owes_the_answer_and_asks_for_no_more(ledger: SqlLedger) -> None:
    await give(ledger, 0.1)
    mechanisms = CountingMechanisms(breaks={1})
    statistics = Statistics(ledger, NoAssets(), mechanisms)
    with pytest.raises(RuntimeError):
        await statistics.release(asked(1))
    (owed,) = [release for _, release in await ledger.list_releases("demo", 0, 10)]
    assert owed.noisy is None
    answer = await statistics.release(asked(1))
    assert answer.noisy == Noisy("test", (Value("", 2.0),))
    assert (await ledger.budget("demo")).spent == PRICE
    assert await ledger.release("demo", answer.release_id) == answer


async def test_what_was_spent_cannot_be_unspent(ledger: SqlLedger) -> None:
    etag = await give(ledger, 1.0)
    await ledger.spend(asked(1))
    with pytest.raises(BudgetBelowSpent):
        await give(ledger, 0.05)
    newer = await give(ledger, 0.1, etag=etag)
    with pytest.raises(StaleBudget):
        await give(ledger, 5.0, etag=etag)
    with pytest.raises(BudgetSpent):
        await ledger.spend(asked(2))
    assert newer != etag
