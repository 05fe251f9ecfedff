"""Releases: read the data, pay, then compute, then answer, in this order.

Whatever may fail for reasons of the request fails before it is paid. From the payment on the release stands in the
ledger. If the server dies before it answers, the same request computes the answer without paying again: the first one
was never told to anybody. Of two answers that were computed at once the one that was written first stands.
"""

from __future__ import annotations

from dataclasses import dataclass

from labelmill_anonymization.statistics.ports import Ledger, Mechanisms, ProjectFacts, Release
from labelmill_anonymization.statistics.statistic import (
    AssetData,
    EntityData,
    LabelData,
    Statistic,
    TableData,
    validate,
)
from labelmill_anonymization.statistics.units import Numbers, from_units


@dataclass(frozen=True)
class Statistics:
    """Releases statistics."""

    ledger: Ledger
    facts: ProjectFacts
    mechanisms: Mechanisms

    async def release(self, asked: Release) -> Release:
        """The answered release; `asked` has no values yet.

        Raises:
            InvalidStatistic, UnknownColumn, BudgetSpent, RequestIdReused: Nothing was spent.
        """
        validate(asked.statistic, asked.price.epsilon, asked.price.delta)
        known = await self.ledger.known(asked)
        if known is not None and known.noisy is not None:
            return known
        numbers = await self._numbers(asked.project, asked.statistic)
        paid = known or await self.ledger.spend(asked)
        if paid.noisy is not None:
            return paid
        noisy = await self.mechanisms.release(numbers, asked.statistic.figure, asked.price)
        return await self.ledger.answer(paid, noisy)

    async def _numbers(self, project: str, statistic: Statistic) -> Numbers:
        data, figure = statistic.data, statistic.figure
        if isinstance(data, TableData):
            content = data.content if data.content is not None else await self.facts.table(data.asset)
            return await self.mechanisms.numbers(content, data, figure)
        match data:
            case AssetData():
                units = await self.facts.asset_values(project, data)
            case LabelData():
                units = await self.facts.given_classes(project, data)
            case EntityData(policy):
                units = await self.facts.entity_types(project, policy)
        return from_units(units, statistic)
