"""Policies, receipts and offset maps in the service's own database."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import (
    Column,
    CursorResult,
    Row,
    Select,
    Table,
    and_,
    delete,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill.anonymization.v1 import resources_pb2 as pb
from labelmill_anonymization.adapters.tables import asset_keys, offset_maps, policies, policy_versions, receipts
from labelmill_anonymization.convert.policies import policy_from_proto, policy_to_proto
from labelmill_anonymization.convert.receipts import receipt_from_proto, receipt_to_proto
from labelmill_anonymization.errors import PolicyExists, PolicyNotFound, ReceiptNotFound, StalePolicy
from labelmill_anonymization.offset_map import OffsetMap
from labelmill_anonymization.policy import Policy, PolicyVersion
from labelmill_anonymization.ports import ReceiptRecord
from labelmill_anonymization.receipt import Receipt
from labelmill_runtime import names
from labelmill_runtime.database import Database
from labelmill_runtime.erased_names import ErasedNames
from labelmill_runtime.sql_filters import FilterField, where

POLICY = "projects/{project}/policies/{policy}"
RECEIPT = "projects/{project}/receipts/{receipt}"
ASSET = "projects/{project}/assets/{asset}"
_IN_LIMIT = 500


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class SqlRecords:
    """The service's records. Methods with a session run in the caller's transaction."""

    def __init__(self, database: Database, now_ms: Callable[[], int] = _now_ms) -> None:
        self._database = database
        self._now_ms = now_ms
        self._erased = ErasedNames(database)

    async def create_policy(self, session: AsyncSession, project: str, policy_id: str, policy: Policy) -> PolicyVersion:
        """Version 1 of a new policy.

        Raises:
            PolicyExists: The id is taken.
        """
        version = PolicyVersion(project, policy_id, 1, self._now_ms(), policy)
        try:
            await session.execute(
                insert(policies).values(project=project, policy=policy_id, current_version=version.version)
            )
        except IntegrityError:
            raise PolicyExists(version.name) from None
        await self._add_version(session, version)
        return version

    async def update_policy(
        self, session: AsyncSession, project: str, policy_id: str, policy: Policy, etag: str
    ) -> PolicyVersion:
        """The next version of a policy.

        Raises:
            PolicyNotFound: There is none.
            StalePolicy: `etag` is not that of the current version ("" fits any).
        """
        current = await self._read_policy(session, project, policy_id, 0)
        version = PolicyVersion(project, policy_id, current.version + 1, self._now_ms(), policy)
        moved = await session.execute(
            update(policies)
            .where(
                policies.c.project == project,
                policies.c.policy == policy_id,
                policies.c.current_version == current.version,
            )
            .values(current_version=version.version)
            .returning(policies.c.policy)
        )
        if etag not in ("", current.etag) or moved.first() is None:
            raise StalePolicy(version.name)
        await self._add_version(session, version)
        return version

    async def policy_version(self, project: str, policy_id: str, version: int = 0) -> PolicyVersion:
        """A version of a policy (0: the current one); raises PolicyNotFound."""
        async with self._database.reading() as session:
            return await self._read_policy(session, project, policy_id, version)

    async def list_policies(self, project: str, after: str, limit: int) -> list[PolicyVersion]:
        """Current versions, by id, after an id."""
        query = _current().where(policies.c.project == project, policies.c.policy > after)
        async with self._database.reading() as session:
            rows = await session.execute(query.order_by(policies.c.policy).limit(limit))
            return [_policy_version(row) for row in rows]

    async def save_receipts(
        self,
        project: str,
        records: Sequence[ReceiptRecord],
        began_ms: int,
        guard: Callable[[AsyncSession], Awaitable[None]],
    ) -> None:
        """See `ports.Records`. Receipts of a run that was interrupted are replaced."""
        if not records:
            return
        async with self._database.transaction() as session:
            await guard(session)
            erased = await self._erased.since(session, [record.receipt.asset for record in records], began_ms)
            records = [record for record in records if record.receipt.asset not in erased]
            if not records:
                return
            rows = [_receipt_row(project, record) for record in records]
            ids = [row["receipt"] for row in rows]
            maps = [
                {"project": project, "receipt": receipt_id, "content": record.offsets.encode()}
                for receipt_id, record in zip(ids, records, strict=True)
                if record.offsets is not None
            ]
            for start in range(0, len(ids), _IN_LIMIT):
                replaced = receipts.c.receipt.in_(ids[start : start + _IN_LIMIT])
                await session.execute(delete(receipts).where(receipts.c.project == project, replaced))
            await session.execute(insert(receipts), rows)
            if maps:
                await session.execute(insert(offset_maps), maps)
            await _remember_keys(session, project, rows, records)

    async def known_receipts(self, wanted: Sequence[str]) -> Mapping[str, tuple[str, Receipt]]:
        """Of these receipts of one project the kept ones: name -> (operation that made it, receipt)."""
        known: dict[str, tuple[str, Receipt]] = {}
        parsed = [names.parse(RECEIPT, name) for name in wanted]
        async with self._database.reading() as session:
            for start in range(0, len(parsed), _IN_LIMIT):
                chunk = parsed[start : start + _IN_LIMIT]
                query = select(receipts.c.operation, receipts.c.content).where(
                    receipts.c.project == chunk[0]["project"], receipts.c.receipt.in_([p["receipt"] for p in chunk])
                )
                for operation, content in await session.execute(query):
                    receipt = receipt_from_proto(pb.Receipt.FromString(content))
                    known[receipt.name] = (operation, receipt)
        return known

    async def receipt(self, name: str) -> Receipt:
        """A receipt; raises ReceiptNotFound."""
        return receipt_from_proto(pb.Receipt.FromString(await self._content(receipts, name)))

    async def offsets(self, name: str) -> OffsetMap:
        """The offset map of a receipt; raises ReceiptNotFound."""
        return OffsetMap.decode(await self._content(offset_maps, name))

    async def list_receipts(
        self, project: str, filter_text: str, after: tuple[int, str] | None, limit: int
    ) -> list[Receipt]:
        """Receipts in the order of their creation, after (creation time, id)."""
        query = select(receipts.c.content).where(receipts.c.project == project)
        if after is not None:
            query = query.where(tuple_(receipts.c.create_time_ms, receipts.c.receipt) > tuple_(*after))
        condition = where(filter_text, _receipt_fields(project))
        if condition is not None:
            query = query.where(condition)
        async with self._database.reading() as session:
            rows = await session.scalars(query.order_by(receipts.c.create_time_ms, receipts.c.receipt).limit(limit))
            return [receipt_from_proto(pb.Receipt.FromString(content)) for content in rows]

    async def erase_assets(self, session: AsyncSession, project: str, asset_ids: Sequence[str]) -> dict[str, int]:
        """See `ports.ServiceRecords`."""
        await self._erased.remember(session, [names.format(ASSET, project=project, asset=one) for one in asset_ids])
        theirs = and_(receipts.c.project == project, receipts.c.asset.in_(asset_ids))
        ids = select(receipts.c.receipt).where(theirs)
        maps = delete(offset_maps).where(offset_maps.c.project == project, offset_maps.c.receipt.in_(ids))
        removed = {}
        for kind, statement in (("offset_maps", maps), ("receipts", delete(receipts).where(theirs))):
            removed[kind] = cast("CursorResult[Any]", await session.execute(statement)).rowcount
        return removed

    async def scrub(self) -> None:
        """See `ports.ServiceRecords`."""
        await self._database.scrub()

    async def _add_version(self, session: AsyncSession, version: PolicyVersion) -> None:
        row = {
            "project": version.project,
            "policy": version.policy_id,
            "version": version.version,
            "content": policy_to_proto(version.policy).SerializeToString(),
            "create_time_ms": version.create_time_ms,
        }
        await session.execute(insert(policy_versions).values(row))

    async def _read_policy(self, session: AsyncSession, project: str, policy_id: str, version: int) -> PolicyVersion:
        query = select(policy_versions).where(policy_versions.c.version == version) if version else _current()
        table = policy_versions.c
        row = (await session.execute(query.where(table.project == project, table.policy == policy_id))).one_or_none()
        if row is None:
            raise PolicyNotFound(names.format(POLICY, project=project, policy=policy_id))
        return _policy_version(row)

    async def _content(self, table: Table, name: str) -> bytes:
        parts = names.parse(RECEIPT, name)
        query = select(table.c.content).where(table.c.project == parts["project"], table.c.receipt == parts["receipt"])
        async with self._database.reading() as session:
            content = (await session.execute(query)).scalar_one_or_none()
        if content is None:
            raise ReceiptNotFound(name)
        return bytes(content)


def _current() -> Select[Any]:
    joined = policies.join(
        policy_versions,
        and_(
            policy_versions.c.project == policies.c.project,
            policy_versions.c.policy == policies.c.policy,
            policy_versions.c.version == policies.c.current_version,
        ),
    )
    return select(policy_versions).select_from(joined)


def _policy_version(row: Row[Any]) -> PolicyVersion:
    policy = policy_from_proto(pb.Policy.FromString(row.content))
    return PolicyVersion(row.project, row.policy, row.version, row.create_time_ms, policy)


def _receipt_row(project: str, record: ReceiptRecord) -> dict[str, Any]:
    receipt = record.receipt
    return {
        "project": project,
        "receipt": names.parse(RECEIPT, receipt.name)["receipt"],
        "asset": names.parse(ASSET, receipt.asset)["asset"],
        "policy": names.parse(POLICY, receipt.policy)["policy"],
        "policy_version": receipt.policy_version,
        "operation": record.operation,
        "content": receipt_to_proto(receipt).SerializeToString(),
        "create_time_ms": receipt.create_time_ms,
    }


async def _remember_keys(
    session: AsyncSession, project: str, rows: Sequence[Mapping[str, Any]], records: Sequence[ReceiptRecord]
) -> None:
    """Notes which assets hold tokens of which data subject's key, so that the last of them takes the key along."""
    used = [
        {"project": project, "asset": row["asset"], "key_id": record.subject_key_id}
        for row, record in zip(rows, records, strict=True)
        if record.subject_key_id
    ]
    for one in used:
        known = and_(*(asset_keys.c[column] == value for column, value in one.items()))
        await session.execute(delete(asset_keys).where(known))
    if used:
        await session.execute(insert(asset_keys), used)


def _receipt_fields(project: str) -> dict[str, FilterField | Column[Any]]:
    def id_of(pattern: str, part: str) -> Callable[[str], str]:
        def convert(name: str) -> str:
            if not names.matches(pattern, name) or names.parse(pattern, name)["project"] != project:
                raise ValueError
            return names.parse(pattern, name)[part]

        return convert

    return {
        "asset": FilterField(receipts.c.asset, id_of(ASSET, "asset")),
        "policy": FilterField(receipts.c.policy, id_of(POLICY, "policy")),
        "policy_version": receipts.c.policy_version,
    }
