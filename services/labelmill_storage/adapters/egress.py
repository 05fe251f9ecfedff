"""The bytes that leave, by project and day: counted in memory, written down every few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from labelmill_runtime.database import Database
from labelmill_runtime.principal import Role
from labelmill_storage.adapters.sql.tables import StorageTables
from labelmill_storage.gate.zones import Roles
from labelmill_storage.lifecycle.quota import KEPT_EGRESS_DAYS, QuotaExceeded, first_kept_day

_BELIEVED_S = 5.0


class SqlEgressMeter:
    """EgressMeter on the service's own database. A crash loses what was counted since the last `flush`.

    Limits and what other replicas counted are read anew every few seconds: a limit is exceeded by as much as is read
    within that time.
    """

    def __init__(
        self,
        database: Database,
        tables: StorageTables,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._tables = tables
        self._now = now
        self._monotonic = monotonic
        self._unwritten: dict[tuple[str, str], int] = {}
        self._known: dict[tuple[str, str], tuple[float, int, int]] = {}
        """(project, day) -> (believed until, limit, bytes that are written down)."""

    async def check(self, project: str, roles: Roles) -> None:
        """Before a read: raises QuotaExceeded once the day's bytes reached the limit; services are let through."""
        if Role.SERVICE in roles:
            return
        key = project, self._today()
        until, limit, written = self._known.get(key, (float("-inf"), 0, 0))
        if until <= self._monotonic():
            limit, written = await self._read(*key)
            self._known[key] = self._monotonic() + _BELIEVED_S, limit, written
        if limit and written + self._unwritten.get(key, 0) >= limit:
            raise QuotaExceeded("max_daily_egress_bytes", limit)

    def count(self, project: str, size_bytes: int) -> None:
        """Notes bytes that leave."""
        key = project, self._today()
        self._unwritten[key] = self._unwritten.get(key, 0) + size_bytes

    def forget_limits(self) -> None:
        """Reads limits anew at the next check, since one has changed."""
        self._known.clear()

    async def flush(self) -> None:
        """Writes down what was counted."""
        taken, self._unwritten = self._unwritten, {}
        if not taken:
            return
        egress = self._tables.egress
        insert = postgresql.insert if self._database.dialect == "postgresql" else sqlite.insert
        try:
            async with self._database.transaction() as session:
                # In one order everywhere, so that replicas do not wait for each other in a ring.
                for (project, day), size_bytes in sorted(taken.items()):
                    statement = insert(egress).values(project=project, day=day, read_bytes=size_bytes)
                    more = {"read_bytes": egress.c.read_bytes + size_bytes}
                    await session.execute(statement.on_conflict_do_update(index_elements=["project", "day"], set_=more))
                await session.execute(
                    delete(egress).where(egress.c.day < first_kept_day(self._now(), KEPT_EGRESS_DAYS))
                )
        except BaseException:
            for key, size_bytes in taken.items():
                self._unwritten[key] = self._unwritten.get(key, 0) + size_bytes
            raise
        self._known.clear()

    async def _read(self, project: str, day: str) -> tuple[int, int]:
        quotas, egress = self._tables.quotas, self._tables.egress
        async with self._database.reading() as session:
            limit = await session.scalar(select(quotas.c.max_daily_egress_bytes).where(quotas.c.project == project))
            if not limit:
                return 0, 0
            of_day = select(egress.c.read_bytes).where(egress.c.project == project, egress.c.day == day)
            return int(limit), int(await session.scalar(of_day) or 0)

    def _today(self) -> str:
        return self._now().strftime("%Y-%m-%d")
