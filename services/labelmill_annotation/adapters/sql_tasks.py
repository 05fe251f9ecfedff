"""Tasks, leases and what labelers have met, in SQL.

On SQLite one transaction writes at a time. On PostgreSQL many lease at once: rows that another lease is taking are
passed over (FOR UPDATE SKIP LOCKED), and an answer that would be empty is made again alone (an advisory lock that
leases otherwise share), since what was passed over may not have been taken in the end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Row,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_annotation.adapters import sql_filter_fields
from labelmill_annotation.adapters.sql_tables import labelers, met_assets, task_skips, tasks
from labelmill_annotation.leasing import Ledger
from labelmill_annotation.ports import Count
from labelmill_annotation.tasks import Kind, State, Task
from labelmill_runtime import sql_filters

_SWEEP = 1000
_LEASED, _AVAILABLE, _CANCELLED = int(State.LEASED), int(State.AVAILABLE), int(State.CANCELLED)


class SqlTasks:
    """Tasks within one transaction."""

    def __init__(self, session: AsyncSession, dialect: str) -> None:
        self._session = session
        self._postgresql = dialect == "postgresql"
        self._insert = postgresql.insert if self._postgresql else sqlite.insert

    async def enter_lease(self, project: str, *, alone: bool) -> None:
        """Announces a lease; `alone` waits for the others."""
        if self._postgresql:
            lock = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
            await self._session.execute(text(f"SELECT {lock}(:key)"), {"key": _lock_key(project)})

    async def ledger(self, project: str, labeler: str) -> Ledger:
        """What the labeler was given; the row stays locked."""
        statement = self._insert(labelers).values(project=project, labeler=labeler, task_count=0, benchmark_count=0)
        statement = statement.on_conflict_do_update(
            index_elements=["project", "labeler"], set_={"task_count": labelers.c.task_count}
        )
        columns = (labelers.c.task_count, labelers.c.benchmark_count)
        row = (await self._session.execute(statement.returning(*columns))).one()
        return Ledger(row.task_count, row.benchmark_count)

    async def keep_ledger(self, project: str, labeler: str, ledger: Ledger) -> None:
        """Writes it."""
        statement = update(labelers).where(labelers.c.project == project, labelers.c.labeler == labeler)
        await self._session.execute(statement.values(task_count=ledger.tasks, benchmark_count=ledger.benchmarks))

    async def sweep(self, project: str, now_ms: int) -> None:
        """Gives back tasks whose lease has ended; those locked by others are looked after by them."""
        ended = and_(tasks.c.project == project, tasks.c.state == _LEASED, tasks.c.expire_ms <= now_ms)
        query = select(tasks.c.id, tasks.c.kind, tasks.c.labeler, tasks.c.asset).where(ended).limit(_SWEEP)
        rows = (await self._session.execute(query.with_for_update(skip_locked=True))).all()
        if not rows:
            return
        await self._forget(project, [(row.labeler, row.asset) for row in rows])
        for is_benchmark in (False, True):
            ids = [row.id for row in rows if (row.kind == int(Kind.BENCHMARK)) is is_benchmark]
            state = _CANCELLED if is_benchmark else _AVAILABLE
            if ids:
                await self._session.execute(update(tasks).where(tasks.c.id.in_(ids)).values(state=state, labeler=""))

    async def queue(self, project: str, labeler: str, batch: str, limit: int) -> list[Task]:
        """Available label tasks for a labeler, one an asset, locked."""
        query = _queue(project, labeler, batch).limit(limit).with_for_update(skip_locked=True, of=tasks)
        found: dict[str, Task] = {}
        for row in await self._session.execute(query):
            found.setdefault(row.asset, _task(row))  # two batches may hold the same asset
        return list(found.values())

    async def hold(self, leased: Sequence[Task]) -> None:
        """Writes leases of one labeler with one fence and end."""
        first = leased[0]
        met = [{"project": task.project, "labeler": task.labeler, "asset": task.asset} for task in leased]
        await self._session.execute(insert(met_assets), met)
        statement = update(tasks).where(tasks.c.id.in_([task.id for task in leased]))
        await self._session.execute(
            statement.values(
                state=_LEASED,
                labeler=first.labeler,
                fence=first.fence,
                lease_ms=first.lease_ms,
                expire_ms=first.expire_ms,
                ontology_version=first.ontology_version,
            )
        )

    async def reserved(self, project: str, labeler: str, assets: Sequence[str]) -> list[Task]:
        """Benchmark tasks that were made for the labeler and given back."""
        query = select(tasks).where(
            tasks.c.project == project,
            tasks.c.asset.in_(assets),
            tasks.c.reserved_for == labeler,
            tasks.c.state == _CANCELLED,
        )
        return [_task(row) for row in await self._session.execute(query)]

    async def add(self, new: Sequence[Task]) -> None:
        """Adds tasks."""
        if new:
            await self._session.execute(insert(tasks), [_row(task) for task in new])

    async def of_batch(self, project: str, batch: str, assets: Sequence[str]) -> Mapping[str, list[str]]:
        """Ids of the label tasks that a batch has for assets."""
        query = select(tasks.c.asset, tasks.c.id).where(
            tasks.c.project == project, tasks.c.batch == batch, tasks.c.asset.in_(assets), tasks.c.copy.is_not(None)
        )
        found: dict[str, list[str]] = {}
        for row in await self._session.execute(query.order_by(tasks.c.seq)):
            found.setdefault(row.asset, []).append(row.id)
        return found

    async def labelled(self, project: str, assets: Sequence[str]) -> set[str]:
        """Which of the assets have tasks."""
        query = select(tasks.c.asset).where(tasks.c.project == project, tasks.c.asset.in_(assets)).distinct()
        return set((await self._session.execute(query)).scalars())

    async def find(self, project: str, task: str) -> Task | None:
        """One task."""
        query = select(tasks).where(tasks.c.id == task, tasks.c.project == project)
        row = (await self._session.execute(query)).one_or_none()
        return None if row is None else _task(row)

    async def lock(self, project: str, ids: Sequence[str]) -> Mapping[str, Task]:
        """Tasks by id, locked in one order everywhere so that no two transactions wait for each other."""
        if not ids:
            return {}
        query = select(tasks).where(tasks.c.id.in_(ids), tasks.c.project == project).order_by(tasks.c.id)
        return {row.id: _task(row) for row in await self._session.execute(query.with_for_update())}

    async def prolong(self, expiries: Mapping[str, int]) -> None:
        """Writes new ends of leases."""
        rows = [{"key": task, "end": expire_ms} for task, expire_ms in expiries.items()]
        await self._each(rows, {"expire_ms": bindparam("end")})

    async def submit(self, spent_ms: Mapping[str, int | None], now_ms: int) -> None:
        """Writes that tasks were submitted."""
        rows = [{"key": task, "spent": spent} for task, spent in spent_ms.items()]
        values = {"state": int(State.SUBMITTED), "submit_ms": now_ms, "time_spent_ms": bindparam("spent")}
        await self._each(rows, values)

    async def give_back(self, task: Task, *, for_good: bool, reason: str, now_ms: int) -> None:
        """Ends a lease."""
        values: dict[str, Any] = {"state": int(task.state_when_given_back), "labeler": "", "fence": 0}
        if for_good:
            values["reserved_for"] = None
            skip = {"task": task.id, "labeler": task.labeler, "project": task.project, "reason": reason}
            await self._session.execute(insert(task_skips).values(create_ms=now_ms, **skip))
        else:
            await self._forget(task.project, [(task.labeler, task.asset)])
        await self._session.execute(update(tasks).where(tasks.c.id == task.id).values(values))

    async def page(self, project: str, filter_text: str, after: int, limit: int, now_ms: int) -> list[tuple[int, Task]]:
        """Tasks in the order of their creation."""
        query = select(tasks).where(tasks.c.project == project, tasks.c.seq > after).order_by(tasks.c.seq).limit(limit)
        condition = sql_filters.where(filter_text, sql_filter_fields.of_tasks(now_ms))
        if condition is not None:
            query = query.where(condition)
        return [(row.seq, _task(row)) for row in await self._session.execute(query)]

    async def count(self, project: str, filter_text: str, now_ms: int) -> list[Count]:
        """Counts of tasks."""
        state = sql_filter_fields.effective_state(now_ms).label("effective_state")
        labeler = sql_filter_fields.effective_labeler(now_ms).label("effective_labeler")
        inner = select(tasks.c.kind, state, labeler).where(tasks.c.project == project)
        condition = sql_filters.where(filter_text, sql_filter_fields.of_tasks(now_ms))
        if condition is not None:
            inner = inner.where(condition)
        found = inner.subquery()
        keys = (found.c.kind, found.c.effective_state, found.c.effective_labeler)
        query = select(*keys, func.count().label("task_count")).group_by(*keys).order_by(*keys)
        rows = await self._session.execute(query)
        return [Count(Kind(kind), State(state), labeler, count) for kind, state, labeler, count in rows]

    async def _forget(self, project: str, pairs: Sequence[tuple[str, str]]) -> None:
        """Lets labelers meet assets again."""
        keys = tuple_(met_assets.c.labeler, met_assets.c.asset)
        await self._session.execute(delete(met_assets).where(met_assets.c.project == project, keys.in_(pairs)))

    async def _each(self, rows: Sequence[dict[str, Any]], values: dict[str, Any]) -> None:
        if rows:
            statement = update(tasks).where(tasks.c.id == bindparam("key")).values(values)
            connection = await self._session.connection()
            await connection.execute(statement, list(rows))


def _queue(project: str, labeler: str, batch: str) -> Select[Any]:
    earlier = tasks.alias("earlier")
    # OFFSET 0 and "< 2" (not "= 1", which would admit the partial indexes) leave PostgreSQL only look-ups by full keys:
    # without statistics, as in a table filled a minute ago, it would otherwise scan a queue for each row of the queue.
    met = (
        select(met_assets.c.asset)
        .where(met_assets.c.project == project, met_assets.c.labeler == labeler, met_assets.c.asset == tasks.c.asset)
        .offset(literal_column("0"))
    )
    # Copies of one asset in one batch: only the first available one stands in the queue, for one labeler takes one.
    earlier_copy = (
        select(earlier.c.id)
        .where(
            earlier.c.project == project,
            earlier.c.batch == tasks.c.batch,
            earlier.c.asset == tasks.c.asset,
            earlier.c.copy < tasks.c.copy,
            earlier.c.state < _LEASED,
        )
        .offset(literal_column("0"))
    )
    query = (
        select(tasks)
        .where(tasks.c.project == project, text("tasks.state = 1"))  # a literal, for the partial index
        .where(~met.exists(), or_(tasks.c.copy == 0, ~earlier_copy.exists()))
        .order_by(tasks.c.priority.desc(), tasks.c.seq)
    )
    return query.where(tasks.c.batch == batch) if batch else query


def _lock_key(project: str) -> int:
    digest = hashlib.blake2b(b"labelmill annotation lease\0" + project.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def _row(task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "project": task.project,
        "asset": task.asset,
        "copy": task.copy,
        "kind": int(task.kind),
        "state": int(task.state),
        "batch": task.batch,
        "priority": task.priority,
        "labeler": task.labeler,
        "reserved_for": task.labeler if task.kind is Kind.BENCHMARK else None,
        "fence": task.fence,
        "lease_ms": task.lease_ms,
        "expire_ms": task.expire_ms,
        "ontology_version": task.ontology_version,
        "create_ms": task.create_ms,
        "shown_create_ms": task.shown_create_ms,
        "submit_ms": task.submit_ms,
        "time_spent_ms": None,
    }


def _task(row: Row[Any]) -> Task:
    return Task(
        id=row.id,
        project=row.project,
        asset=row.asset,
        kind=Kind(row.kind),
        state=State(row.state),
        batch=row.batch,
        priority=row.priority,
        ontology_version=row.ontology_version,
        create_ms=row.create_ms,
        copy=row.copy,
        labeler=row.labeler,
        fence=row.fence,
        lease_ms=row.lease_ms,
        expire_ms=row.expire_ms,
        submit_ms=row.submit_ms,
        shown_create_ms=row.shown_create_ms,
    )
