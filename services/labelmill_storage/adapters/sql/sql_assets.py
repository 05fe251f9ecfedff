"""Assets and receipts in the service's own database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, func, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_runtime.database import Database
from labelmill_runtime.errors import LabelmillError
from labelmill_runtime.ids import ulid
from labelmill_runtime.principal import current_principal
from labelmill_runtime.sql_filters import where
from labelmill_storage.adapters.sql import sql_audit, sql_deletions, sql_erasures, sql_usage
from labelmill_storage.adapters.sql.filter_columns import FilterColumns
from labelmill_storage.adapters.sql.project_lock import lock_project
from labelmill_storage.adapters.sql.rows import clean_columns, draft_row, new_asset, to_asset, to_microseconds
from labelmill_storage.adapters.sql.tables import StorageTables
from labelmill_storage.assets import Asset, Content, Draft, Recorded, Zone
from labelmill_storage.gate import exceptions, receipts
from labelmill_storage.gate.exceptions import Copied
from labelmill_storage.gate.receipts import Admission, Judged, judge
from labelmill_storage.gathering import Gathered
from labelmill_storage.ports import ObjectKey, Page, key_of

Clock = Callable[[], datetime]


class SqlRecords:
    """AssetRecords on SQLite or PostgreSQL."""

    def __init__(self, database: Database, tables: StorageTables, *, now: Clock = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._tables = tables
        self._filter_columns = FilterColumns(tables.assets)
        self._now = now
        self._wanted = Gathered(self._get_each)
        self._doubtful = Gathered(self._erased_each)
        self._keys = Gathered(self._about_to_write_each)

    async def get(self, project: str, asset_id: str) -> Asset | None:
        """One asset; many callers share a query."""
        return await self._wanted.ask(project, asset_id)

    async def get_many(self, project: str, asset_ids: Sequence[str]) -> dict[str, Asset]:
        """Those that exist, by id."""
        async with self._database.reading() as session:
            return await _by_id(session, self._tables, project, asset_ids)

    async def page(self, project: str, filter_text: str, after: int, size: int) -> Page:
        """Assets in the order of their creation, after a cursor."""
        assets = self._tables.assets
        condition: ColumnElement[bool] | None = where(filter_text, self._filter_columns)
        matches = and_(assets.c.project == project, true() if condition is None else condition)
        async with self._database.reading() as session:
            total = await session.scalar(select(func.count()).select_from(assets).where(matches))
            query = select(assets).where(matches, assets.c.seq > after).order_by(assets.c.seq).limit(size + 1)
            rows = (await session.execute(query)).all()
        more = len(rows) > size
        return Page([to_asset(row) for row in rows[:size]], rows[size - 1].seq if more else None, total or 0)

    async def erased(self, drafts: Sequence[Draft]) -> dict[str, LabelmillError]:
        """Of drafts of one project that are not recorded, those that were erased, by asset id."""
        if len(drafts) == 1:
            (draft,) = drafts
            error = await self._doubtful.ask(draft.project, draft)
            return {} if error is None else {draft.id: error}
        return await self._erased(drafts) if drafts else {}

    async def note_blocks(self, project: str, asset_id: str, zone: Zone, content: Content) -> None:
        """Keeps the block digests of a content that was recorded without."""
        column, prefix = self._tables.assets.c, zone.name.lower()
        same = and_(
            column.project == project, column.asset_id == asset_id, column[f"{prefix}_sha256"] == content.sha256
        )
        noted = update(self._tables.assets).where(same).values({f"{prefix}_block_digests": content.block_digests})
        async with self._database.transaction() as session:
            await session.execute(noted)

    async def about_to_write(self, keys: Sequence[ObjectKey]) -> Mapping[ObjectKey, int]:
        """Must be called before objects are written."""
        if len(keys) == 1:
            return {keys[0]: await self._keys.ask(keys[0].project, keys[0])}
        return await sql_deletions.about_to_write(self._database, self._tables, keys)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[SqlWriter]:
        """A transaction of its own."""
        async with self._database.transaction() as session:
            yield self.writer(session)

    def writer(self, transaction: Any) -> SqlWriter:
        """The writer within a session's transaction."""
        return SqlWriter(transaction, self._tables, self._now)

    async def _get_each(self, project: str, asset_ids: Sequence[str]) -> list[Asset | None]:
        found = await self.get_many(project, asset_ids)
        return [found.get(asset_id) for asset_id in asset_ids]

    async def _erased(self, drafts: Sequence[Draft]) -> dict[str, LabelmillError]:
        async with self._database.reading() as session:
            return await sql_erasures.refusals(session, self._tables, drafts[0].project, drafts)

    async def _erased_each(self, _project: str, drafts: Sequence[Draft]) -> list[LabelmillError | None]:
        erased = await self._erased(drafts)
        return [erased.get(draft.id) for draft in drafts]

    async def _about_to_write_each(self, _project: str, keys: Sequence[ObjectKey]) -> list[int]:
        known = await sql_deletions.about_to_write(self._database, self._tables, keys)
        return [known[key] for key in keys]


class SqlWriter:
    """AssetWriter within one transaction."""

    def __init__(self, session: AsyncSession, tables: StorageTables, now: Clock) -> None:
        self._session = session
        self._tables = tables
        self._now = now

    async def add(self, drafts: Sequence[Draft]) -> list[Recorded | LabelmillError]:
        """Records drafts; one whose asset is there already changes nothing."""
        if not drafts:
            return []
        project, ids = drafts[0].project, [draft.id for draft in drafts]
        await lock_project(self._session, project)
        known = await _by_id(self._session, self._tables, project, ids)
        new: dict[str, Draft] = {}
        for draft in drafts:  # in their order, in which they also take what the quota leaves
            if draft.id not in known:
                new.setdefault(draft.id, draft)  # of equal ones, the first counts
        refused = await self._refused(project, new)
        now_us = to_microseconds(self._now())
        # In the order of the drafts, which is the order of creation.
        added = [draft for draft in new.values() if draft.id not in refused]
        if added:
            await self._session.execute(self._tables.assets.insert(), [draft_row(draft, now_us) for draft in added])
        await sql_deletions.request(self._session, self._tables, _raw_keys(new[asset_id] for asset_id in refused))
        assets = known | {draft.id: new_asset(draft, now_us) for draft in added}
        await sql_deletions.request(self._session, self._tables, _superfluous(drafts, assets))
        outcomes: list[Recorded | LabelmillError] = []
        seen = set(known)
        for asset_id in ids:
            outcomes.append(refused.get(asset_id) or Recorded(assets[asset_id], asset_id in seen))
            seen.add(asset_id)
        return outcomes

    async def _refused(self, project: str, new: dict[str, Draft]) -> dict[str, LabelmillError]:
        """Those that may not come in, by asset id; what may is counted, and its objects are kept."""
        refused = await sql_erasures.refusals(self._session, self._tables, project, list(new.values()))
        fitting = [draft for draft in new.values() if draft.id not in refused]
        sizes = [draft.raw.size_bytes for draft in fitting]
        over = await sql_usage.take(self._session, self._tables, project, Zone.RAW, sizes)
        refused |= {draft.id: error for draft, error in zip(fitting, over, strict=True) if error is not None}
        kept = {key_of(Zone.RAW, project, draft.raw): draft.raw for draft in new.values() if draft.id not in refused}
        await sql_deletions.keep(self._session, self._tables, _removals(kept))
        return refused

    async def admit(self, project: str, admissions: Sequence[Admission]) -> list[Recorded | LabelmillError]:
        """Records clean contents and their receipts, and what the audit log has to say about it."""
        if not admissions:
            return []
        await lock_project(self._session, project)
        before = await _by_id(self._session, self._tables, project, [a.asset_id for a in admissions])
        bodies = await self._receipt_bodies(project, [a.receipt.id for a in admissions])
        now = self._now()
        judged = judge(admissions, before, bodies, now)
        sizes = [admission.clean.size_bytes for admission in judged.new]
        over = await sql_usage.take(self._session, self._tables, project, Zone.CLEAN, sizes)
        if any(over):
            beyond = {id(a): error for a, error in zip(judged.new, over, strict=True) if error is not None}
            judged = judge(admissions, before, bodies, now, beyond)
        await self._save(project, judged, before)
        return judged.outcomes

    async def admit_by_exception(
        self, project: str, reason: str, copies: Sequence[Copied]
    ) -> tuple[str, dict[str, Recorded | LabelmillError]]:
        """Records copies of RAW contents, the exception, and what the audit log has to say about it."""
        await lock_project(self._session, project)
        before = await _by_id(self._session, self._tables, project, [copied.asset_id for copied in copies])
        now, exception_id = self._now(), ulid()
        name = exceptions.exception_name(project, exception_id)
        judged = exceptions.judge(name, copies, before, now, to_microseconds(now))
        sizes = [copied.clean.size_bytes for copied in judged.new]
        over = await sql_usage.take(self._session, self._tables, project, Zone.CLEAN, sizes)
        beyond = {c.asset_id: error for c, error in zip(judged.new, over, strict=True) if error is not None}
        if beyond:
            judged = exceptions.judge(name, copies, before, now, to_microseconds(now), beyond)
        kept = {key_of(Zone.CLEAN, project, copied.clean): copied.clean for copied in judged.new}
        unwanted = [key_of(Zone.CLEAN, project, copied.clean) for copied in copies if copied not in judged.new]
        await sql_deletions.request(self._session, self._tables, unwanted)
        if not judged.new:
            return "", judged.outcomes
        await sql_deletions.keep(self._session, self._tables, _removals(kept))
        await self._session.execute(
            self._tables.exceptions.insert(), _exception_row(project, exception_id, reason, to_microseconds(now))
        )
        await update_clean(self._session, self._tables, project, judged.admitted)
        records = [exceptions.audit_record(asset, reason) for asset in judged.admitted]
        await sql_audit.append(self._session, self._tables, project, records)
        return name, judged.outcomes

    async def _save(self, project: str, judged: Judged, before: dict[str, Asset]) -> None:
        if not judged.new:
            return
        session, tables, new = self._session, self._tables, judged.new
        changed = [judged.assets[asset_id] for asset_id in dict.fromkeys(admission.asset_id for admission in new)]
        now_us = to_microseconds(changed[0].update_time)
        await session.execute(tables.receipts.insert(), [_receipt_row(project, a, now_us) for a in new])
        await update_clean(session, tables, project, changed)
        kept = {key_of(Zone.CLEAN, project, admission.clean): admission.clean for admission in new}
        await sql_deletions.keep(session, tables, _removals(kept))
        await give_up_clean(session, tables, project, [before[asset.id] for asset in changed], changed)
        await sql_audit.append(session, tables, project, [receipts.audit_record(admission) for admission in new])

    async def _receipt_bodies(self, project: str, receipt_ids: Sequence[str]) -> dict[str, bytes]:
        proofs = self._tables.receipts
        query = select(proofs.c.receipt_id, proofs.c.body)
        rows = await self._session.execute(
            query.where(proofs.c.project == project, proofs.c.receipt_id.in_(set(receipt_ids)))
        )
        return {row.receipt_id: bytes(row.body) for row in rows}


async def update_clean(session: AsyncSession, tables: StorageTables, project: str, assets: Sequence[Asset]) -> None:
    """Writes the clean contents of assets, and by what they were admitted."""
    table = tables.assets
    rows = [clean_columns(asset) for asset in assets]
    statement = update(table).where(table.c.project == project, table.c.asset_id == bindparam("of_asset"))
    values: dict[str, Any] = {column: bindparam(column) for column in rows[0]}
    parameters = [{"of_asset": asset.id, **row} for asset, row in zip(assets, rows, strict=True)]
    # The connection, since the session takes a list of parameters for an ORM bulk update.
    await (await session.connection()).execute(statement.values(values), parameters)


async def give_up_clean(
    session: AsyncSession, tables: StorageTables, project: str, before: Sequence[Asset], after: Sequence[Asset]
) -> None:
    """Lets go of the clean contents that others have replaced."""
    pairs = [(old.clean, new.clean) for old, new in zip(before, after, strict=True)]
    replaced = [old for old, _ in pairs if old is not None and old.removed_time is None]
    await sql_usage.give_back(session, tables, project, Zone.CLEAN, [content.size_bytes for content in replaced])
    gone = [old for old, new in pairs if old is not None and old.removed_time is None and _place(old) != _place(new)]
    await sql_deletions.request(session, tables, [key_of(Zone.CLEAN, project, content) for content in gone])


def _place(content: Content | None) -> tuple[str, str]:
    return ("", "") if content is None else (content.sha256, content.location)


async def _by_id(
    session: AsyncSession, tables: StorageTables, project: str, asset_ids: Sequence[str]
) -> dict[str, Asset]:
    if not asset_ids:
        return {}
    assets = tables.assets
    query = select(assets).where(assets.c.project == project, assets.c.asset_id.in_(set(asset_ids)))
    return {row.asset_id: to_asset(row) for row in await session.execute(query)}


def _removals(kept: Mapping[ObjectKey, Content]) -> dict[ObjectKey, int]:
    return {key: content.last_removal for key, content in kept.items()}


def _raw_keys(drafts: Iterable[Draft]) -> list[ObjectKey]:
    return [key_of(Zone.RAW, draft.project, draft.raw) for draft in drafts]


def _superfluous(drafts: Sequence[Draft], assets: dict[str, Asset]) -> list[ObjectKey]:
    """Objects that were written for a content that is here already in another place, or went for good."""
    found = [(draft, assets[draft.id].raw) for draft in drafts if draft.id in assets]
    return _raw_keys(draft for draft, raw in found if raw.removed_time or draft.raw.location != raw.location)


def _exception_row(project: str, exception_id: str, reason: str, now_us: int) -> dict[str, Any]:
    return {
        "project": project,
        "exception_id": exception_id,
        "creator": current_principal().id,
        "reason": reason,
        "create_time_us": now_us,
    }


def _receipt_row(project: str, admission: Admission, now_us: int) -> dict[str, Any]:
    return {
        "project": project,
        "receipt_id": admission.receipt.id,
        "asset_id": admission.asset_id,
        "body": admission.receipt.body,
        "admit_time_us": now_us,
    }
