"""Remembers request ids: the same mutating request, sent again, has one effect and gets the same answer."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable, Collection, Iterator
from typing import TypeVar

from google.protobuf.message import Message
from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_runtime.database import Database
from labelmill_runtime.errors import InvalidArgument
from labelmill_runtime.principal import current_principal_or_none

M = TypeVar("M", bound=Message)

_KEEP_MS = 24 * 3600 * 1000
_PURGE_EVERY_MS = 10 * 60 * 1000
_FORGOTTEN_AT_ONCE = 500
_READ_AT_ONCE = 500


class RequestLog:
    """request_id -> response for 24 hours, written in the same transaction as the effect."""

    def __init__(self, database: Database, *, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._database = database
        self._table = database.tables.requests
        self._insert = postgresql.insert if database.dialect == "postgresql" else sqlite.insert
        self._now_ms = now_ms
        self._next_purge_ms = 0

    async def once(
        self, request: Message, respond: Callable[[AsyncSession], Awaitable[M]], response_type: type[M]
    ) -> M:
        """Runs `respond` in a transaction, unless this request was answered before: then that answer.

        An error in `respond` rolls everything back, so the same id may be tried again. Ids are the caller's own: two
        principals never share one. A request without request_id just runs.

        Raises:
            InvalidArgument: REQUEST_ID_REUSED if the id came before with another body.
        """
        request_id = str(getattr(request, "request_id", ""))
        async with self._database.transaction() as session:
            if not request_id:
                return await respond(session)
            key, body = _key(request, request_id), _digest(request.SerializeToString(deterministic=True))
            if not await self._claim(session, key, body):
                stored = await self._stored(session, key, body)
                return response_type.FromString(stored)
            response = await respond(session)
            await session.execute(
                update(self._table).where(self._table.c.key == key).values(response=response.SerializeToString())
            )
            return response

    async def answered(self, request: Message, response_type: type[M]) -> M | None:
        """The answer that this request got before, if it did; for effects elsewhere that must not be repeated later.

        Raises:
            InvalidArgument: REQUEST_ID_REUSED if the id came before with another body.
        """
        request_id = str(getattr(request, "request_id", ""))
        if not request_id:
            return None
        key, body = _key(request, request_id), _digest(request.SerializeToString(deterministic=True))
        kept = self._table.c.create_time_ms > self._now_ms() - _KEEP_MS
        async with self._database.reading() as session:
            if await session.scalar(select(self._table.c.key).where(self._table.c.key == key, kept)) is None:
                return None
            return response_type.FromString(await self._stored(session, key, body))

    async def forget(self, names: Collection[str]) -> int:
        """Forgets the answers that mention any of these resources; how many. After the commit of their erasure.

        Reads every answer that is remembered, some 40 MB a second. A forgotten request that is repeated just runs
        again: call this when nothing is left of the resources that it could have an effect on.

        Args:
            names: Resource names, as they stand in answers.
        """
        mentions, keys, last = _Mentions(names), list[str](), ""
        column = self._table.c
        query = select(column.key, column.response).where(column.response.is_not(None)).order_by(column.key)
        while True:
            async with self._database.reading() as session:
                rows = (await session.execute(query.where(column.key > last).limit(_READ_AT_ONCE))).all()
            keys += [row.key for row in rows if mentions.within(bytes(row.response))]
            if len(rows) < _READ_AT_ONCE:
                break
            last = rows[-1].key
        for first in range(0, len(keys), _FORGOTTEN_AT_ONCE):
            some = keys[first : first + _FORGOTTEN_AT_ONCE]
            async with self._database.transaction() as session:
                await session.execute(delete(self._table).where(self._table.c.key.in_(some)))
        return len(keys)

    async def _claim(self, session: AsyncSession, key: str, body: str) -> bool:
        now_ms = self._now_ms()
        expired = self._table.c.create_time_ms <= now_ms - _KEEP_MS
        if now_ms >= self._next_purge_ms:
            self._next_purge_ms = now_ms + _PURGE_EVERY_MS
            await session.execute(delete(self._table).where(expired))
        else:
            await session.execute(delete(self._table).where(self._table.c.key == key, expired))
        # Racers wait here for the first one's commit (PostgreSQL: on the unique index; SQLite: one writer at a time).
        row = {"key": key, "body_sha256": body, "create_time_ms": now_ms}
        inserted = await session.execute(
            self._insert(self._table).values(row).on_conflict_do_nothing().returning(self._table.c.key)
        )
        return inserted.first() is not None

    async def _stored(self, session: AsyncSession, key: str, body: str) -> bytes:
        row = (await session.execute(select(self._table).where(self._table.c.key == key))).one()
        if row.body_sha256 != body:
            raise InvalidArgument(
                "REQUEST_ID_REUSED",
                "This request_id was used before with another request body.",
                fields={"request_id": "must be new for a new request"},
            )
        return bytes(row.response)


class _Mentions:
    """Looks for many resource names at once: by their parents, then by the ids that follow, a set for each length."""

    def __init__(self, names: Collection[str]) -> None:
        self._ids: dict[tuple[bytes, int], set[bytes]] = {}
        for name in names:
            parent, slash, last = name.rpartition("/")
            self._ids.setdefault((f"{parent}{slash}".encode(), len(last)), set()).add(last.encode())

    def within(self, answer: bytes) -> bool:
        """Whether the serialized answer holds any of the names."""
        return any(
            answer[start : start + length] in ids
            for (parent, length), ids in self._ids.items()
            for start in _ends(answer, parent)
        )


def _ends(text: bytes, part: bytes) -> Iterator[int]:
    start = text.find(part)
    while start >= 0:
        yield start + len(part)
        start = text.find(part, start + len(part))


def _key(request: Message, request_id: str) -> str:
    principal = current_principal_or_none()
    parts = (principal.id if principal else "", request.DESCRIPTOR.full_name, request_id)
    return _digest("\0".join(parts).encode())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
