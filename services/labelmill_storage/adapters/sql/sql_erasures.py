"""Erasures, and what was erased and must not come back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, literal, null, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_runtime.database import Database
from labelmill_runtime.errors import LabelmillError
from labelmill_runtime.ids import ulid
from labelmill_runtime.principal import current_principal_or_none
from labelmill_storage.adapters.sql import sql_audit
from labelmill_storage.adapters.sql.project_lock import lock_project
from labelmill_storage.adapters.sql.sql_holds import on_hold
from labelmill_storage.adapters.sql.sql_selection import condition, require_all
from labelmill_storage.adapters.sql.tables import StorageTables
from labelmill_storage.adapters.sql.upserts import upsert_of
from labelmill_storage.assets import AssetNotFound, Draft, asset_name
from labelmill_storage.gate.audit import AuditRecord
from labelmill_storage.lifecycle.erasure import (
    ERASURE_RUNNING,
    LEGAL_HOLD,
    Case,
    ContentErased,
    ErasureNotFound,
    ErasureRunning,
    SubjectErased,
    SubjectNotFound,
    erasure_name,
)
from labelmill_storage.lifecycle.ports import KeptErasure
from labelmill_storage.selection import Selected


async def refusals(
    session: AsyncSession, tables: StorageTables, project: str, drafts: Sequence[Draft]
) -> dict[str, LabelmillError]:
    """Of new drafts, those that were erased, by asset id: CONTENT_ERASED or SUBJECT_ERASED."""
    if not drafts:
        return {}
    gone, subjects = tables.erased_assets, tables.erased_subjects
    of_assets = select(gone.c.asset_id).where(
        gone.c.project == project,
        gone.c.asset_id.in_([draft.id for draft in drafts]),
        gone.c.allow_time_us.is_(None),
    )
    found: dict[str, LabelmillError] = {row.asset_id: ContentErased() for row in await session.execute(of_assets)}
    named = {draft.subject_hash for draft in drafts if draft.subject_hash}
    if not named:
        return found
    of_subjects = select(subjects.c.subject_hash).where(
        subjects.c.project == project, subjects.c.subject_hash.in_(named), subjects.c.allow_time_us.is_(None)
    )
    refused = {row.subject_hash for row in await session.execute(of_subjects)}
    return found | {draft.id: SubjectErased() for draft in drafts if draft.subject_hash in refused}


class SqlErasures:
    """Erasures on SQLite or PostgreSQL."""

    def __init__(self, database: Database, tables: StorageTables) -> None:
        self._database = database
        self._tables = tables

    async def begin(self, transaction: Any, project: str, chosen: Selected, reason: str) -> tuple[Case, int]:
        """Writes down what is to go, so that none of it comes in again; raises AssetNotFound, SubjectNotFound."""
        session: AsyncSession = transaction
        await lock_project(session, project)
        await require_all(session, self._tables, project, chosen.asset_ids)
        if chosen.subject_hash:
            await self._require_subject(session, project, chosen.subject_hash)
        principal, now_us = current_principal_or_none(), time.time_ns() // 1000
        case = Case(
            project=project,
            id=ulid().upper(),
            reason=reason,
            creator=principal.id if principal else sql_audit.SELF,
            of_subject=bool(chosen.subject_hash),
            subject_hash=chosen.subject_hash,
            create_time_us=now_us,
        )
        await self._block(session, case, chosen)
        count = int(await session.scalar(_targets(self._tables, case, func.count())) or 0)
        row = {"project": project, "erasure_id": case.id, "body": b"", "state": case.dump(), "create_time_us": now_us}
        await session.execute(self._tables.erasures.insert(), [row])
        details = {"reason": reason, "count": str(count), "of_subject": str(case.of_subject).lower()}
        record = AuditRecord("erasure.requested", case.name, details)
        await sql_audit.append(session, self._tables, project, [record])
        return case, count

    async def set_operation(self, transaction: Any, project: str, erasure_id: str, operation: str) -> None:
        """Says which operation carries it out."""
        case = (await locked(transaction, self._tables, project, erasure_id)).case
        case.operation = operation
        await save(transaction, self._tables, case)

    async def get(self, project: str, erasure_id: str) -> KeptErasure:
        """One erasure; raises ErasureNotFound."""
        async with self._database.reading() as session:
            return await _get(session, self._tables, project, erasure_id)

    async def page(self, project: str, before: str, size: int) -> Sequence[KeptErasure]:
        """Erasures, newest first, before an id (empty: from the newest on)."""
        table = self._tables.erasures
        query = select(table).where(table.c.project == project)
        if before:
            query = query.where(table.c.erasure_id < before)
        async with self._database.reading() as session:
            rows = await session.execute(query.order_by(table.c.erasure_id.desc()).limit(size))
            return [_kept(row) for row in rows]

    async def unfinished(self) -> Sequence[Case]:
        """All that are not complete."""
        table = self._tables.erasures
        async with self._database.reading() as session:
            rows = await session.execute(select(table).where(table.c.complete_time_us.is_(None)))
            return [_kept(row).case for row in rows]

    def transaction(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A transaction of its own."""
        return self._database.transaction()

    async def lock(self, transaction: Any, project: str, erasure_id: str) -> KeptErasure:
        """An erasure as it stands, which nobody else changes while the transaction lasts."""
        return await locked(transaction, self._tables, project, erasure_id)

    async def allow(self, transaction: Any, project: str, chosen: Selected, reason: str) -> int:
        """Lets what was erased come in again; how many. Raises AssetNotFound, SubjectNotFound, ErasureRunning."""
        session: AsyncSession = transaction
        gone, now_us = self._tables.erased_assets, time.time_ns() // 1000
        await lock_project(session, project)
        mine = and_(gone.c.project == project, await self._erased(session, project, chosen))
        await self._require_complete(session, project, mine)
        ids = (await session.scalars(select(gone.c.asset_id).where(mine, gone.c.allow_time_us.is_(None)))).all()
        allowed = update(gone).where(mine, gone.c.allow_time_us.is_(None)).values(allow_time_us=now_us)
        await session.execute(allowed)
        subjects = self._tables.erased_subjects
        of_subject = and_(subjects.c.project == project, subjects.c.subject_hash == chosen.subject_hash)
        if chosen.subject_hash:
            await session.execute(update(subjects).where(of_subject).values(allow_time_us=now_us))
            erasure = await session.scalar(select(subjects.c.erasure_id).where(of_subject))
            details = {"reason": reason, "count": str(len(ids))}
            records = [AuditRecord("erasure.allowed", erasure_name(project, str(erasure)), details)]
        else:
            records = [AuditRecord("erasure.allowed", asset_name(project, id_), {"reason": reason}) for id_ in ids]
        await sql_audit.append(session, self._tables, project, records)
        return len(ids)

    async def _require_subject(self, session: AsyncSession, project: str, subject_hash: str) -> None:
        assets, uploads = self._tables.assets.c, self._tables.uploads.c
        of_assets = select(assets.asset_id).where(assets.project == project, assets.subject_hash == subject_hash)
        if (await session.execute(of_assets.limit(1))).first() is not None:
            return
        coming = select(uploads.upload_id).where(
            uploads.project == project, uploads.header["subject_hash"].as_string() == subject_hash
        )
        if (await session.execute(coming.limit(1))).first() is None:
            raise SubjectNotFound

    async def _block(self, session: AsyncSession, case: Case, chosen: Selected) -> None:
        """Sets apart what is on hold, or going already; of the rest, nothing comes in any more."""
        tables, assets, gone = self._tables, self._tables.assets, self._tables.erased_assets
        insert = upsert_of(session)
        mine = and_(assets.c.project == case.project, condition(tables, chosen))
        held = select(assets.c.asset_id).where(mine, on_hold(tables))
        case.kept_assets = dict.fromkeys((await session.scalars(held)).all(), LEGAL_HOLD)
        columns = ["project", "asset_id", "erasure_id", "subject_hash", "erase_time_us", "allow_time_us"]
        found = select(
            assets.c.project,
            assets.c.asset_id,
            literal(case.id),
            assets.c.subject_hash,
            literal(case.create_time_us),
            null(),
        ).where(mine, ~on_hold(tables))
        rows = insert(gone).from_select(columns, found)
        again = {name: getattr(rows.excluded, name) for name in columns[2:]}
        # Those that another erasure is about to remove stay with it.
        await session.execute(
            rows.on_conflict_do_update(
                index_elements=["project", "asset_id"], set_=again, where=gone.c.allow_time_us.is_not(None)
            )
        )
        same = and_(gone.c.project == assets.c.project, gone.c.asset_id == assets.c.asset_id)
        going = select(assets.c.asset_id).join(gone, same).where(mine, gone.c.erasure_id != case.id)
        going = going.where(gone.c.allow_time_us.is_(None))
        case.kept_assets |= dict.fromkeys((await session.scalars(going)).all(), ERASURE_RUNNING)
        if chosen.subject_hash:
            values = {"erasure_id": case.id, "allow_time_us": None}
            subject = insert(tables.erased_subjects).values(
                project=case.project, subject_hash=chosen.subject_hash, **values
            )
            await session.execute(
                subject.on_conflict_do_update(index_elements=["project", "subject_hash"], set_=values)
            )

    async def _erased(self, session: AsyncSession, project: str, chosen: Selected) -> ColumnElement[bool]:
        """Of erased assets, which are selected; raises AssetNotFound, SubjectNotFound for what was never erased."""
        gone, subjects = self._tables.erased_assets, self._tables.erased_subjects
        if chosen.subject_hash:
            of_subject = and_(subjects.c.project == project, subjects.c.subject_hash == chosen.subject_hash)
            erasure_id = await session.scalar(select(subjects.c.erasure_id).where(of_subject))
            if erasure_id is None:
                raise SubjectNotFound
            return or_(gone.c.subject_hash == chosen.subject_hash, gone.c.erasure_id == erasure_id)
        named = gone.c.asset_id.in_(chosen.asset_ids)
        known = set((await session.scalars(select(gone.c.asset_id).where(gone.c.project == project, named))).all())
        for asset_id in chosen.asset_ids:
            if asset_id not in known:
                raise AssetNotFound(asset_name(project, asset_id))
        return named

    async def _require_complete(self, session: AsyncSession, project: str, mine: ColumnElement[bool]) -> None:
        gone, erasures = self._tables.erased_assets, self._tables.erasures
        same = and_(erasures.c.project == gone.c.project, erasures.c.erasure_id == gone.c.erasure_id)
        running = select(gone.c.erasure_id).join(erasures, same).where(mine, erasures.c.complete_time_us.is_(None))
        erasure_id = await session.scalar(running.limit(1))
        if erasure_id is not None:
            raise ErasureRunning(erasure_name(project, erasure_id))


async def locked(session: AsyncSession, tables: StorageTables, project: str, erasure_id: str) -> KeptErasure:
    """An erasure as it stands, in a transaction that holds the project from here on."""
    await lock_project(session, project)
    return await _get(session, tables, project, erasure_id)


async def save(session: AsyncSession, tables: StorageTables, case: Case, **values: Any) -> None:
    """Writes a case down."""
    table = tables.erasures
    mine = and_(table.c.project == case.project, table.c.erasure_id == case.id)
    await session.execute(update(table).where(mine).values(state=case.dump(), **values))


async def _get(session: AsyncSession, tables: StorageTables, project: str, erasure_id: str) -> KeptErasure:
    table = tables.erasures
    query = select(table).where(table.c.project == project, table.c.erasure_id == erasure_id)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise ErasureNotFound(erasure_name(project, erasure_id))
    return _kept(row)


def _kept(row: Row[Any]) -> KeptErasure:
    return KeptErasure(Case.load(row.state), bytes(row.body))


def _targets(tables: StorageTables, case: Case, what: Any) -> Any:
    gone = tables.erased_assets
    return select(what).select_from(gone).where(gone.c.project == case.project, gone.c.erasure_id == case.id)
