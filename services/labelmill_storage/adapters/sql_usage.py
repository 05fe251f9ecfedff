"""How much a project has stored: counted within the transaction that stores or removes it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_runtime.errors import LabelmillError
from labelmill_storage.adapters.tables import StorageTables
from labelmill_storage.assets import Zone
from labelmill_storage.quota import Quota, fitting


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
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = {"project": project, "zone": int(zone), "stored_bytes": size_bytes, "object_count": objects}
    sums = {
        "stored_bytes": usage.c.stored_bytes + size_bytes,
        "object_count": usage.c.object_count + objects,
    }
    await session.execute(
        insert(usage).values(row).on_conflict_do_update(index_elements=["project", "zone"], set_=sums)
    )
