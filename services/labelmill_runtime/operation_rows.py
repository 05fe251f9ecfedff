"""The SQL of operations: every statement that reads or writes their table.

Ownership is a lease with a fencing token: claiming increments `fence`, and every later write of the owner says
`WHERE fence = <mine>`, so a process that was taken for dead (a zombie) changes nothing any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.status_pb2 import Status
from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.engine import CursorResult, Row
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_runtime.database import Database


@dataclass(frozen=True)
class Claim:
    """The right to run an operation, while no newer claim exists."""

    name: str
    fence: int


@dataclass(frozen=True)
class Ending:
    """How an operation ended: exactly one of the two."""

    response: AnyMessage | None = None
    error: Status | None = None


class OperationRows:
    """Statements on the operations table of one service's database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.table = database.tables.operations

    async def insert(self, session: AsyncSession, row: dict[str, Any]) -> None:
        """Adds a new operation, unowned."""
        await session.execute(insert(self.table).values(row))

    async def get(self, name: str) -> Row[Any] | None:
        """One operation."""
        async with self._database.reading() as session:
            return (await session.execute(select(self.table).where(self.table.c.name == name))).one_or_none()

    async def page(
        self, project: str, after: str, limit: int, condition: ColumnElement[bool] | None
    ) -> Sequence[Row[Any]]:
        """Operations of a project in the order of their names (which is that of their start)."""
        query = select(self.table).where(self.table.c.project == project, self.table.c.name > after)
        if condition is not None:
            query = query.where(condition)
        async with self._database.reading() as session:
            return (await session.execute(query.order_by(self.table.c.name).limit(limit))).all()

    async def claimable(self, kind: str, now_ms: int, limit: int) -> Sequence[str]:
        """Names of unfinished operations of a kind that nobody holds, oldest first."""
        column = self.table.c
        query = select(column.name).where(~column.done, column.kind == kind, column.lease_until_ms <= now_ms)
        async with self._database.reading() as session:
            return (await session.scalars(query.order_by(column.name).limit(limit))).all()

    async def claim(self, name: str, owner: str, now_ms: int, lease_ms: int) -> Row[Any] | None:
        """Takes an operation that nobody holds; None if another process was faster."""
        column = self.table.c
        query = (
            update(self.table)
            .where(column.name == name, ~column.done, column.lease_until_ms <= now_ms)
            .values(owner=owner, lease_until_ms=now_ms + lease_ms, fence=column.fence + 1, attempts=column.attempts + 1)
            .returning(*column)
        )
        async with self._database.transaction() as session:
            return (await session.execute(query)).one_or_none()

    async def extend(self, claim: Claim, lease_until_ms: int) -> Row[Any] | None:
        """Renews the lease; returns the row, or None if the claim no longer holds."""
        query = self._mine(claim).values(lease_until_ms=lease_until_ms).returning(*self.table.c)
        async with self._database.transaction() as session:
            return (await session.execute(query)).one_or_none()

    async def hold(self, session: AsyncSession, claim: Claim, now_ms: int) -> bool:
        """Whether the claim holds, and locks the row until the caller's transaction ends."""
        return await _changed(session, self._mine(claim).values(update_time_ms=now_ms))

    async def save(self, claim: Claim, now_ms: int, values: dict[str, Any]) -> bool:
        """Stores progress; False if the claim no longer holds."""
        async with self._database.transaction() as session:
            return await _changed(session, self._mine(claim).values(update_time_ms=now_ms, attempts=0, **values))

    async def finish(self, claim: Claim, now_ms: int, ending: Ending) -> bool:
        """Stores the result; False if the claim no longer holds."""
        async with self._database.transaction() as session:
            return await _changed(session, self._mine(claim).values(**ended(ending, now_ms)))

    async def release(self, claim: Claim) -> None:
        """Gives an unfinished operation back, to be claimed at once."""
        values = {"owner": None, "lease_until_ms": 0, "attempts": self.table.c.attempts - 1}
        async with self._database.transaction() as session:
            await session.execute(self._mine(claim).values(values))

    async def request_cancel(self, name: str, now_ms: int, cancelled: Status) -> bool:
        """Asks for cancellation; an operation that nobody runs ends on the spot. False if there is no such one."""
        column = self.table.c
        async with self._database.transaction() as session:
            row = (await session.execute(select(self.table).where(column.name == name).with_for_update())).one_or_none()
            if row is None:
                return False
            if row.done:
                return True
            values: dict[str, Any] = {"cancel_requested_ms": row.cancel_requested_ms or now_ms}
            if row.lease_until_ms <= now_ms:
                values |= {**ended(Ending(error=cancelled), now_ms), "fence": column.fence + 1}
            await session.execute(update(self.table).where(column.name == name).values(values))
            return True

    async def delete(self, name: str) -> bool:
        """Removes a finished operation; False if it is unfinished or absent."""
        async with self._database.transaction() as session:
            return await _changed(session, delete(self.table).where(self.table.c.name == name, self.table.c.done))

    async def purge(self, before_ms: int) -> None:
        """Removes operations that finished long ago."""
        async with self._database.transaction() as session:
            await session.execute(delete(self.table).where(self.table.c.done, self.table.c.update_time_ms < before_ms))

    async def owners(self) -> Sequence[str]:
        """The processes that hold unfinished operations."""
        query = select(self.table.c.owner).where(~self.table.c.done, self.table.c.owner.is_not(None)).distinct()
        async with self._database.reading() as session:
            return [str(owner) for owner in await session.scalars(query)]

    async def expire_leases(self, owner: str) -> None:
        """Frees what a dead process held."""
        column = self.table.c
        async with self._database.transaction() as session:
            await session.execute(
                update(self.table).where(~column.done, column.owner == owner).values(owner=None, lease_until_ms=0)
            )

    def _mine(self, claim: Claim) -> Any:
        column = self.table.c
        return update(self.table).where(column.name == claim.name, column.fence == claim.fence, ~column.done)


def ended(ending: Ending, now_ms: int) -> dict[str, Any]:
    """The columns of an operation that ends now."""
    return {
        "done": True,
        "request": b"",  # only needed to run it, and may hold filters over what is personal
        "checkpoint": "{}",
        "owner": None,
        "lease_until_ms": 0,
        "update_time_ms": now_ms,
        "response": ending.response.SerializeToString() if ending.response is not None else None,
        "error": ending.error.SerializeToString() if ending.error is not None else None,
    }


async def _changed(session: AsyncSession, statement: Any) -> bool:
    result = await session.execute(statement)
    return cast("CursorResult[Any]", result).rowcount == 1
