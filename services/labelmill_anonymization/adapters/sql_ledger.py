"""The privacy ledger in the service's own database; see `statistics.ports.Ledger`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill.anonymization.v1 import statistics_service_pb2 as pb
from labelmill_anonymization.adapters.ledger_tables import privacy_budgets, releases
from labelmill_anonymization.convert.statistics import RELEASE, release_from_proto, release_to_proto
from labelmill_anonymization.statistics.errors import (
    BudgetBelowSpent,
    BudgetSpent,
    ReleaseNotFound,
    RequestIdReused,
    StaleBudget,
)
from labelmill_anonymization.statistics.ports import Noisy, Release
from labelmill_anonymization.statistics.price import Budget, Price
from labelmill_runtime import names
from labelmill_runtime.database import Database

_budget, _release = privacy_budgets.c, releases.c


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class SqlLedger:
    """See the port."""

    def __init__(self, database: Database, now_ms: Callable[[], int] = _now_ms) -> None:
        self._database = database
        self._now_ms = now_ms

    async def budget(self, project: str) -> Budget:
        """See the port."""
        async with self._database.reading() as session:
            return await _read_budget(session, project)

    async def set_total(self, session: AsyncSession, project: str, total: Price, etag: str) -> Budget:
        """See the port."""
        current = await _read_budget(session, project)
        if etag not in ("", current.etag):
            raise StaleBudget(project)
        totals = {
            "epsilon_total": total.epsilon_units,
            "delta_total": total.delta_units,
            "version": current.version + 1,
            "update_time_ms": self._now_ms(),
        }
        if current.version == 0:
            nothing = dict.fromkeys(("epsilon_spent", "delta_spent", "release_count"), 0)
            try:
                await session.execute(insert(privacy_budgets).values(project=project, **totals, **nothing))
            except IntegrityError:
                raise StaleBudget(project) from None
        else:
            # What is spent may have grown since it was read: the comparison is made where it is written.
            covered = (_budget.epsilon_spent <= total.epsilon_units) & (_budget.delta_spent <= total.delta_units)
            same = (_budget.project == project) & (_budget.version == current.version)
            moved = await session.execute(
                update(privacy_budgets).where(same & covered).values(totals).returning(_budget.project)
            )
            if moved.first() is None:
                now = await _read_budget(session, project)
                if now.version != current.version:
                    raise StaleBudget(project)
                raise BudgetBelowSpent(now.spent.epsilon, now.spent.delta)
        return await _read_budget(session, project)

    async def known(self, release: Release) -> Release | None:
        """See the port."""
        query = select(releases).where(_release.project == release.project, _release.request_key == release.request_key)
        async with self._database.reading() as session:
            row = (await session.execute(query)).one_or_none()
        if row is None:
            return None
        if bytes(row.body) != release.body:
            raise RequestIdReused
        return _from_row(row)

    async def spend(self, release: Release) -> Release:
        """See the port. Of two servers that pay for one request the slower one's payment is rolled back."""
        try:
            async with self._database.transaction() as session:
                return await self._pay(session, replace(release, create_time_ms=self._now_ms()))
        except IntegrityError:
            known = await self.known(release)
            if known is None:
                raise
            return known

    async def answer(self, release: Release, noisy: Noisy) -> Release:
        """See the port."""
        answered = replace(release, noisy=noisy)
        mine = (_release.project == release.project) & (_release.release == release.release_id)
        async with self._database.transaction() as session:
            written = await session.execute(
                update(releases)
                .where(mine, _release.answered.is_(False))
                .values(content=release_to_proto(answered).SerializeToString(), answered=True)
                .returning(_release.release)
            )
            if written.first() is not None:
                return answered
        return await self.release(release.project, release.release_id)

    async def release(self, project: str, release_id: str) -> Release:
        """See the port."""
        query = select(releases).where(_release.project == project, _release.release == release_id)
        async with self._database.reading() as session:
            row = (await session.execute(query)).one_or_none()
        if row is None:
            raise ReleaseNotFound(names.format(RELEASE, project=project, release=release_id))
        return _from_row(row)

    async def list_releases(self, project: str, after: int, limit: int) -> list[tuple[int, Release]]:
        """See the port."""
        query = select(releases).where(_release.project == project, _release.place > after)
        async with self._database.reading() as session:
            rows = await session.execute(query.order_by(_release.place).limit(limit))
            return [(row.place, _from_row(row)) for row in rows]

    async def _pay(self, session: AsyncSession, release: Release) -> Release:
        price = release.price
        enough = (_budget.epsilon_spent + price.epsilon_units <= _budget.epsilon_total) & (
            _budget.delta_spent + price.delta_units <= _budget.delta_total
        )
        # One statement looks and pays, so that no two releases are paid by the same rest.
        paid = await session.execute(
            update(privacy_budgets)
            .where(_budget.project == release.project, enough)
            .values(
                epsilon_spent=_budget.epsilon_spent + price.epsilon_units,
                delta_spent=_budget.delta_spent + price.delta_units,
                release_count=_budget.release_count + 1,
            )
            .returning(_budget.release_count)
        )
        place = paid.scalar_one_or_none()
        if place is None:
            left = await _read_budget(session, release.project)
            epsilon = left.total.epsilon_units - left.spent.epsilon_units
            delta = left.total.delta_units - left.spent.delta_units
            raise BudgetSpent(release.project, Price(epsilon).epsilon, Price(0, delta).delta)
        row = {
            "project": release.project,
            "place": place,
            "release": release.release_id,
            "request_key": release.request_key,
            "body": release.body,
            "content": release_to_proto(release).SerializeToString(),
            "answered": False,
        }
        await session.execute(insert(releases).values(row))
        return release


async def _read_budget(session: AsyncSession, project: str) -> Budget:
    row = (await session.execute(select(privacy_budgets).where(_budget.project == project))).one_or_none()
    if row is None:
        return Budget(project)
    return Budget(
        project=project,
        total=Price(row.epsilon_total, row.delta_total),
        spent=Price(row.epsilon_spent, row.delta_spent),
        release_count=row.release_count,
        version=row.version,
        update_time_ms=row.update_time_ms,
    )


def _from_row(row: Row[Any]) -> Release:
    kept = release_from_proto(pb.Release.FromString(row.content))
    return replace(kept, request_key=row.request_key, body=bytes(row.body))
