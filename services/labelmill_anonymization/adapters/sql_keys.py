"""Wrapped data keys in the service's own database; see `keyring.data_keys.KeyRecords`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, Row, and_, delete, func, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_anonymization.adapters.tables import asset_keys, data_keys
from labelmill_anonymization.keyring.data_keys import KeyRecord, Purpose, State
from labelmill_anonymization.keyring.errors import KeyNotFound, KeyRotated
from labelmill_anonymization.keyring.root_keys import WrappedKey
from labelmill_runtime.database import Database

_IN_LIMIT = 500


class SqlKeys:
    """Implements `KeyRecords`. Methods with a session run in the caller's transaction."""

    def __init__(self, database: Database, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._database = database
        self._now_ms = now_ms

    async def primary(self, project: str, purpose: Purpose, subject: str) -> KeyRecord | None:
        """See the port."""
        keys = data_keys.c
        query = select(data_keys).where(
            keys.project == project,
            keys.purpose == int(purpose),
            keys.subject == subject,
            keys.state == int(State.PRIMARY),
        )
        async with self._database.reading() as session:
            row = (await session.execute(query)).one_or_none()
        return None if row is None else _record(row)

    async def add_first(self, record: KeyRecord) -> KeyRecord:
        """See the port; of callers that race, the first wins."""
        try:
            async with self._database.transaction() as session:
                await session.execute(insert(data_keys).values(_row(record)))
            return record
        except IntegrityError:
            kept = await self.primary(record.project, record.purpose, record.subject)
            if kept is None:  # the id is taken by a key that is no longer the primary one
                raise
            return kept

    async def replace_primary(self, session: AsyncSession, record: KeyRecord) -> None:
        """See the port; raises KeyRotated where somebody else does the same."""
        keys = data_keys.c
        await session.execute(
            update(data_keys)
            .where(
                keys.project == record.project,
                keys.purpose == int(record.purpose),
                keys.subject == record.subject,
                keys.state == int(State.PRIMARY),
            )
            .values(state=int(State.ACTIVE))
        )
        try:
            await session.execute(insert(data_keys).values(_row(record)))
        except IntegrityError:
            raise KeyRotated from None

    async def get(self, project: str, key_id: str) -> KeyRecord:
        """See the port."""
        query = select(data_keys).where(data_keys.c.project == project, data_keys.c.key_id == key_id)
        async with self._database.reading() as session:
            row = (await session.execute(query)).one_or_none()
        if row is None:
            raise KeyNotFound(f"projects/{project}/keys/{key_id}")
        return _record(row)

    async def list_keys(self, project: str, after: tuple[int, str] | None, limit: int) -> list[KeyRecord]:
        """See the port."""
        query = select(data_keys).where(data_keys.c.project == project)
        if after is not None:
            query = query.where(tuple_(data_keys.c.create_time_ms, data_keys.c.key_id) > tuple_(*after))
        async with self._database.reading() as session:
            ordered = query.order_by(data_keys.c.create_time_ms, data_keys.c.key_id)
            return [_record(row) for row in await session.execute(ordered.limit(limit))]

    async def destroy(self, session: AsyncSession, project: str, key_ids: Sequence[str], reason: str) -> int:
        """See the port."""
        destroyed = 0
        gone = {
            "state": int(State.DESTROYED),
            "wrapped": None,
            "root_key_id": None,
            "destroy_time_ms": self._now_ms(),
            "destroy_reason": reason,
        }
        for start in range(0, len(key_ids), _IN_LIMIT):
            some = data_keys.c.key_id.in_(key_ids[start : start + _IN_LIMIT])
            alive = data_keys.c.state != int(State.DESTROYED)
            statement = update(data_keys).where(data_keys.c.project == project, some, alive).values(gone)
            destroyed += cast("CursorResult[Any]", await session.execute(statement)).rowcount
        return destroyed

    async def of_subjects(self, session: AsyncSession, project: str, subjects: Sequence[str]) -> list[str]:
        """See the port."""
        found: list[str] = []
        for start in range(0, len(subjects), _IN_LIMIT):
            query = select(data_keys.c.key_id).where(
                data_keys.c.project == project,
                data_keys.c.subject.in_(subjects[start : start + _IN_LIMIT]),
                data_keys.c.state != int(State.DESTROYED),
            )
            found += (await session.scalars(query)).all()
        return found

    async def left_by_assets(self, session: AsyncSession, project: str, asset_ids: Sequence[str]) -> list[str]:
        """See the port."""
        theirs = and_(asset_keys.c.project == project, asset_keys.c.asset.in_(asset_ids))
        left = set((await session.scalars(select(asset_keys.c.key_id).where(theirs))).all())
        await session.execute(delete(asset_keys).where(theirs))
        others = and_(asset_keys.c.project == project, asset_keys.c.key_id.in_(left))
        return sorted(left - set((await session.scalars(select(asset_keys.c.key_id).where(others))).all()))

    async def wrapped_by_others(self, root_key_id: str, limit: int) -> tuple[list[KeyRecord], int]:
        """See the port."""
        others = and_(data_keys.c.wrapped.is_not(None), data_keys.c.root_key_id != root_key_id)
        ordered = select(data_keys).where(others).order_by(data_keys.c.project, data_keys.c.key_id)
        async with self._database.reading() as session:
            records = [_record(row) for row in await session.execute(ordered.limit(limit))]
            count = await session.scalar(select(func.count()).select_from(data_keys).where(others))
        return records, int(count or 0)

    async def rewrap(self, rewrapped: Sequence[tuple[KeyRecord, WrappedKey]]) -> None:
        """See the port."""
        async with self._database.transaction() as session:
            for record, wrapped in rewrapped:
                before = record.wrapped.content if record.wrapped else None
                same = and_(
                    data_keys.c.project == record.project,
                    data_keys.c.key_id == record.key_id,
                    data_keys.c.wrapped == before,
                )
                changed = {"wrapped": wrapped.content, "root_key_id": wrapped.root_key_id}
                await session.execute(update(data_keys).where(same).values(changed))

    async def scrub(self) -> None:
        """See the port."""
        await self._database.scrub()


def _row(record: KeyRecord) -> dict[str, Any]:
    return {
        "project": record.project,
        "key_id": record.key_id,
        "purpose": int(record.purpose),
        "state": int(record.state),
        "subject": record.subject,
        "wrapped": record.wrapped.content if record.wrapped else None,
        "root_key_id": record.wrapped.root_key_id if record.wrapped else None,
        "create_time_ms": record.create_time_ms,
        "destroy_time_ms": record.destroy_time_ms,
        "destroy_reason": record.destroy_reason,
    }


def _record(row: Row[Any]) -> KeyRecord:
    return KeyRecord(
        project=row.project,
        key_id=row.key_id,
        purpose=Purpose(row.purpose),
        state=State(row.state),
        create_time_ms=row.create_time_ms,
        subject=row.subject,
        wrapped=WrappedKey(row.root_key_id, bytes(row.wrapped)) if row.wrapped is not None else None,
        destroy_time_ms=row.destroy_time_ms,
        destroy_reason=row.destroy_reason,
    )
