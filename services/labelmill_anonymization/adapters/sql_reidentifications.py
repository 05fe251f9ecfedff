"""Records of reidentifications in the service's own database; see `reversal.reidentification.Reidentifications`."""

from __future__ import annotations

from sqlalchemy import insert, select, tuple_

from labelmill_anonymization.adapters.tables import reidentifications
from labelmill_anonymization.reversal.reidentification import Reidentification
from labelmill_runtime.database import Database


class SqlReidentifications:
    """Implements the port."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, record: Reidentification) -> None:
        """See the port."""
        row = {
            "project": record.project,
            "reidentification": record.id,
            "principal": record.principal,
            "reason": record.reason,
            "value_count": record.value_count,
            "revealed_count": record.revealed_count,
            "key_ids": " ".join(record.key_ids),
            "create_time_ms": record.create_time_ms,
        }
        async with self._database.transaction() as session:
            await session.execute(insert(reidentifications).values(row))

    async def list_records(self, project: str, after: tuple[int, str] | None, limit: int) -> list[Reidentification]:
        """See the port."""
        table = reidentifications.c
        query = select(reidentifications).where(table.project == project)
        if after is not None:
            query = query.where(tuple_(table.create_time_ms, table.reidentification) > tuple_(*after))
        async with self._database.reading() as session:
            rows = await session.execute(query.order_by(table.create_time_ms, table.reidentification).limit(limit))
            return [
                Reidentification(
                    project=row.project,
                    id=row.reidentification,
                    principal=row.principal,
                    reason=row.reason,
                    value_count=row.value_count,
                    revealed_count=row.revealed_count,
                    key_ids=tuple(row.key_ids.split()),
                    create_time_ms=row.create_time_ms,
                )
                for row in rows
            ]
