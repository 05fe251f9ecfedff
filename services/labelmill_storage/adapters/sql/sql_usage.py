"""How much a project has stored: counted within the transaction that stores or removes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_runtime.database import Database
from labelmill_runtime.errors import LabelmillError
from labelmill_storage.adapters.sql import sql_audit
from labelmill_storage.adapters.sql.project_lock import lock_project
from labelmill_storage.adapters.sql.tables import StorageTables
from labelmill_storage.adapters.sql.upserts import upsert_of
from labelmill_storage.assets import Zone
from labelmill_storage.gate.audit import AuditRecord
from labelmill_storage.lifecycle.ports import UsageReport
from labelmill_storage.lifecycle.quota import KEPT_EGRESS_DAYS, Quota, ZoneUsage, first_kept_day, fitting


class SqlUsage:
    """UsageRecords on SQLite or PostgreSQL."""

    def __init__(
        self, database: Database, tables: StorageTables, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._tables = tables
        self._now = now

    async def report(self, project: str) -> UsageReport:
        """How much a project has stored and read."""
        usage, quotas, egress = self._tables.usage, self._tables.quotas, self._tables.egress
        since = first_kept_day(self._now(), KEPT_EGRESS_DAYS)
        days = select(egress.c.day, egress.c.read_bytes).where(egress.c.project == project, egress.c.day >= since)
        async with self._database.reading() as session:
            zones = (await session.execute(select(usage).where(usage.c.project == project))).all()
            limits = (await session.execute(select(quotas).where(quotas.c.project == project))).one_or_none()
            daily = (await session.execute(days.order_by(egress.c.day.desc()).limit(KEPT_EGRESS_DAYS))).all()
        return UsageReport(
            {Zone(row.zone): ZoneUsage(row.stored_bytes, row.object_count) for row in zones},
            Quota()
            if limits is None
            else Quota(limits.max_stored_bytes, limits.max_objects, limits.max_daily_egress_bytes),
            [(row.day, row.read_bytes) for row in daily],
        )

    async def set_quota(self, transaction: Any, project: str, quota: Quota) -> None:
        """Changes the limits."""
        session: AsyncSession = transaction
        await lock_project(session, project)
        limits = asdict(quota)
        insert = upsert_of(session)
        first = insert(self._tables.quotas).values(project=project, **limits)
        await session.execute(first.on_conflict_do_update(index_elements=["project"], set_=limits))
        details = {name: str(limit) for name, limit in limits.items()}
        record = AuditRecord("quota.updated", f"projects/{project}/usage", details)
        await sql_audit.append(session, self._tables, project, [record])


async def take(
    session: AsyncSession, tables: StorageTables, project: str, zone: Zone, sizes: Sequence[int]
) -> list[LabelmillError | None]:
    """Counts contents that come in, one by one; QUOTA_EXCEEDED for those that no longer fit, which are not counted.

    The caller holds the project (see project_lock).
    """
    if not sizes:
        return []
    limits, usage = tables.quotas, tables.usage
    row = (await session.execute(select(limits).where(limits.c.project == project))).one_or_none()
    if row is None or not (row.max_stored_bytes or row.max_objects):
        refused: list[LabelmillError | None] = [None] * len(sizes)
    else:
        sums = select(
            func.coalesce(func.sum(usage.c.stored_bytes), 0), func.coalesce(func.sum(usage.c.object_count), 0)
        )
        stored_bytes, objects = (await session.execute(sums.where(usage.c.project == project))).one()
        refused = fitting(Quota(row.max_stored_bytes, row.max_objects), int(stored_bytes), int(objects), sizes)
    taken = [size for size, error in zip(sizes, refused, strict=True) if error is None]
    await _add(session, tables, project, zone, sum(taken), len(taken))
    return refused


async def give_back(
    session: AsyncSession, tables: StorageTables, project: str, zone: Zone, sizes: Sequence[int]
) -> None:
    """Counts contents that go."""
    await _add(session, tables, project, zone, -sum(sizes), -len(sizes))


async def _add(
    session: AsyncSession, tables: StorageTables, project: str, zone: Zone, size_bytes: int, objects: int
) -> None:
    if not (size_bytes or objects):
        return
    usage = tables.usage
    insert = upsert_of(session)
    row = {"project": project, "zone": int(zone), "stored_bytes": size_bytes, "object_count": objects}
    sums = {
        "stored_bytes": usage.c.stored_bytes + size_bytes,
        "object_count": usage.c.object_count + objects,
    }
    await session.execute(
        insert(usage).values(row).on_conflict_do_update(index_elements=["project", "zone"], set_=sums)
    )
