"""Uploads that outlive their connections, in the service's own database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Update, and_, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_runtime.database import Database
from labelmill_runtime.errors import LabelmillError
from labelmill_storage.adapters.sql.rows import to_microseconds, to_time
from labelmill_storage.adapters.sql.sql_assets import SqlRecords
from labelmill_storage.adapters.sql.tables import StorageTables
from labelmill_storage.assets import Draft, Recorded
from labelmill_storage.lifecycle.quota import Quota, fitting
from labelmill_storage.ports import UploadActive
from labelmill_storage.transfers.resumable import Announced, Upload, UploadNotFound

CONDEMNED = 0
"""The time of expiry of an upload whose object is about to go."""


class SqlUploads:
    """UploadRecords on SQLite or PostgreSQL."""

    def __init__(self, database: Database, tables: StorageTables, records: SqlRecords) -> None:
        self._database = database
        self._tables = tables
        self._uploads = tables.uploads
        self._records = records

    async def get(self, project: str, upload_id: str) -> Upload | None:
        """One upload, also one that has expired."""
        query = select(self._uploads).where(self._is(project, upload_id))
        async with self._database.reading() as session:
            row = (await session.execute(query)).one_or_none()
        return None if row is None else _upload(row)

    async def begin(self, upload: Upload) -> None:
        """Notes a new one."""
        row = {
            "project": upload.project,
            "upload_id": upload.id,
            "handle": upload.handle,
            "direct": upload.direct,
            "header": {**asdict(upload.announced), "digest": upload.digest},
            "asset_id": upload.asset_id,
            "create_time_us": to_microseconds(upload.create_time),
            "expire_time_us": to_microseconds(upload.expire_time),
        }
        try:
            async with self._database.transaction() as session:
                await self._check_fits(session, upload.project, upload.announced.size_bytes)
                await session.execute(self._uploads.insert(), [row])
        except IntegrityError:
            raise UploadActive from None

    async def extend(self, upload: Upload, expire_time: datetime) -> None:
        """Lets it live longer."""
        longer = {"expire_time_us": to_microseconds(expire_time)}
        living = and_(self._same(upload), self._uploads.c.expire_time_us > CONDEMNED)
        async with self._database.transaction() as session:
            await session.execute(update(self._uploads).where(living).values(longer))

    async def finish(self, upload: Upload, draft: Draft, transaction: Any = None) -> Recorded | LabelmillError:
        """Records the asset and what the upload became."""
        if transaction is None:
            async with self._database.transaction() as session:
                return await self.finish(upload, draft, session)
        (recorded,) = await self._records.writer(transaction).add([draft])
        if isinstance(recorded, LabelmillError):
            await self.forget(upload, transaction)
            return recorded
        living = self._uploads.c.expire_time_us > CONDEMNED
        ending = self._ending(upload, recorded.asset.id).where(living).returning(self._uploads.c.upload_id)
        if (await transaction.execute(ending)).first() is None:
            raise UploadNotFound(upload.name)
        return recorded

    async def condemn(self, upload: Upload) -> bool:
        """Says that its object is about to go: a row in this state stays until somebody has removed the object."""
        unfinished = and_(self._same(upload), self._uploads.c.asset_id == "")
        async with self._database.transaction() as session:
            condemned = update(self._uploads).where(unfinished).values(expire_time_us=CONDEMNED)
            return (await session.execute(condemned.returning(self._uploads.c.upload_id))).first() is not None

    async def end(self, upload: Upload, asset_id: str, expire_time: datetime) -> None:
        """Says that it became an asset that was there already."""
        ended = self._ending(upload, asset_id).values(expire_time_us=to_microseconds(expire_time))
        async with self._database.transaction() as session:
            await session.execute(ended)

    async def forget(self, upload: Upload, transaction: Any = None) -> None:
        """Removes it."""
        statement = delete(self._uploads).where(self._same(upload))
        if transaction is not None:
            await transaction.execute(statement)
            return
        async with self._database.transaction() as session:
            await session.execute(statement)

    async def expired(self, at: datetime, limit: int) -> Sequence[Upload]:
        """Some of those whose time is over."""
        time_us = self._uploads.c.expire_time_us
        query = select(self._uploads).where(time_us <= to_microseconds(at)).order_by(time_us).limit(limit)
        async with self._database.reading() as session:
            return [_upload(row) for row in await session.execute(query)]

    def _ending(self, upload: Upload, asset_id: str) -> Update:
        # What the header said about the content is kept with the asset, from where erasure can remove it.
        header = {**asdict(Announced(size_bytes=upload.announced.size_bytes)), "digest": upload.digest}
        return update(self._uploads).where(self._same(upload)).values(asset_id=asset_id, header=header)

    async def _check_fits(self, session: AsyncSession, project: str, size_bytes: int) -> None:
        limits, usage = self._tables.quotas, self._tables.usage
        row = (await session.execute(select(limits).where(limits.c.project == project))).one_or_none()
        if row is None or not (row.max_stored_bytes or row.max_objects):
            return
        columns = (usage.c.stored_bytes, usage.c.object_count)
        sums = select(*(func.coalesce(func.sum(column), 0) for column in columns)).where(usage.c.project == project)
        stored_bytes, objects = (await session.execute(sums)).one()
        quota = Quota(row.max_stored_bytes, row.max_objects)
        (refusal,) = fitting(quota, int(stored_bytes), int(objects), [size_bytes])
        if refusal is not None:
            raise refusal

    def _is(self, project: str, upload_id: str) -> ColumnElement[bool]:
        return and_(self._uploads.c.project == project, self._uploads.c.upload_id == upload_id)

    def _same(self, upload: Upload) -> ColumnElement[bool]:
        """Not one that began under the same id after this one was gone."""
        return and_(self._is(upload.project, upload.id), self._uploads.c.handle == upload.handle)


def _upload(row: Row[Any]) -> Upload:
    header = dict(row.header)
    digest = header.pop("digest")
    return Upload(
        project=row.project,
        id=row.upload_id,
        handle=row.handle,
        direct=row.direct,
        announced=Announced(**header),
        digest=digest,
        create_time=to_time(row.create_time_us),
        expire_time=to_time(row.expire_time_us),
        asset_id=row.asset_id,
    )
