"""Keeps figures current in the service's own database, SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_quality.adapters import live_rows
from labelmill_quality.adapters.live_tables import features, items, labelers, projects
from labelmill_quality.live.figures import ItemGroup
from labelmill_quality.live.ports import Watch
from labelmill_quality.live.state import LiveFeature, LiveItem, LiveLabeler, LiveState
from labelmill_quality.live.updating import without
from labelmill_runtime.database import Database
from labelmill_runtime.erased_names import ErasedNames

T = TypeVar("T")
_CHUNK = 1000


class SqlLive:
    """The LiveStore of production."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._erased = ErasedNames(database)

    async def watch(self, project: str) -> Watch:
        """How far a project's figures are; see LiveStore."""
        found = await self.find(project)
        if found is None:
            async with self._database.transaction() as session:
                query = sa.select(projects).where(projects.c.project == project).with_for_update()
                if (await session.execute(query)).one_or_none() is None:
                    await session.execute(sa.insert(projects).values(**_watch_row(Watch(project, 1))))
            found = await self.find(project)
        assert found is not None
        return found

    async def find(self, project: str) -> Watch | None:
        """The same where they are kept."""
        async with self._database.reading() as session:
            row = (await session.execute(sa.select(projects).where(projects.c.project == project))).one_or_none()
        return None if row is None else live_rows.watch(row)

    async def claim(self, now_ms: int, until: Callable[[Watch], int]) -> str | None:
        """A project that is due; see LiveStore."""
        due = sa.select(projects).where(projects.c.due_ms <= now_ms).order_by(projects.c.due_ms).limit(1)
        async with self._database.reading() as session:
            if (await session.execute(due)).one_or_none() is None:
                return None  # as nearly always: no write is needed
        async with self._database.transaction() as session:
            row = (await session.execute(due.with_for_update(skip_locked=True))).one_or_none()
            if row is None:
                return None
            claimed = sa.update(projects).where(projects.c.project == row.project)
            await session.execute(claimed.values(due_ms=until(live_rows.watch(row))))
        return str(row.project)

    async def features(self, project: str) -> list[LiveFeature]:
        """The features that anybody answered, by name."""
        query = sa.select(features).where(features.c.project == project).order_by(features.c.feature)
        async with self._database.reading() as session:
            return [live_rows.feature(row) for row in await session.execute(query)]

    async def feature(self, project: str, feature: str) -> LiveFeature | None:
        """One of them."""
        query = sa.select(features).where(features.c.project == project, features.c.feature == feature)
        async with self._database.reading() as session:
            row = (await session.execute(query)).one_or_none()
        return None if row is None else live_rows.feature(row)

    async def read(self, project: str, feature: LiveFeature, names: Sequence[str], people: Sequence[str]) -> LiveState:
        """Some items, some labelers and those of the items; see LiveStore."""
        async with self._database.reading() as session:
            return await _read(session, project, feature, names, people)

    async def read_all(self, project: str, feature: LiveFeature) -> LiveState:
        """A whole feature."""
        query = sa.select(items).where(items.c.project == project, items.c.feature == feature.feature)
        async with self._database.reading() as session:
            found = {row.item: live_rows.item(row) for row in await session.execute(query)}
            return LiveState(feature, await _labelers(session, project, feature.feature, None), found)

    async def labelers(self, project: str, feature: str) -> dict[str, LiveLabeler]:
        """All labelers of a feature."""
        async with self._database.reading() as session:
            return await _labelers(session, project, feature, None)

    async def groups(self, project: str, feature: str) -> list[ItemGroup]:
        """Items with the same votes together; see LiveStore."""
        same = (items.c.tally, items.c.label_count, items.c.disagreement)
        query = sa.select(*same, sa.func.count()).where(items.c.project == project, items.c.feature == feature)
        async with self._database.reading() as session:
            rows = (await session.execute(query.group_by(*same).order_by(items.c.tally))).all()
        return [ItemGroup(*row) for row in rows]

    async def items(
        self, project: str, feature: str, *, by: str, least: float, after: tuple[float, str] | None, limit: int
    ) -> list[LiveItem]:
        """Items, the most first; see LiveStore."""
        score = items.c[by]
        query = sa.select(items).where(items.c.project == project, items.c.feature == feature, score >= least)
        if after is not None:
            query = query.where((score < after[0]) | ((score == after[0]) & (items.c.item < after[1])))
        query = query.order_by(score.desc(), items.c.item.desc()).limit(limit)
        async with self._database.reading() as session:
            return [live_rows.item(row) for row in await session.execute(query)]

    async def write(self, before: Watch, after: Watch, states: Sequence[LiveState], began_ms: int) -> bool:
        """Writes what is different; see LiveStore."""
        async with self._database.transaction() as session:
            names = sorted({name for state in states for name in state.items})
            if not await _turned(session, before, after) or await self._erased.since(session, names, began_ms):
                await session.rollback()
                return False
            for state in states:
                await _put(session, before.project, state)
        return True

    async def replace(
        self, before: Watch, after: Watch, state: LiveState, began_ms: int, hold: Callable[[Any], Awaitable[None]]
    ) -> bool:
        """Writes a feature anew; see LiveStore."""
        async with self._database.transaction() as session:
            await hold(session)
            erased = await self._erased.since(session, sorted(state.items), began_ms)
            if erased or not await _turned(session, before, after):
                await session.rollback()
                return False
            for table in (items, labelers):
                old = (table.c.project == before.project) & (table.c.feature == state.feature.feature)
                await session.execute(sa.delete(table).where(old))
            await _put(session, before.project, state)
        return True

    async def erase(self, session: AsyncSession, project: str, names: Sequence[str]) -> int:
        """Removes items and their labels; see LiveStore."""
        query = sa.select(items.c.feature, items.c.item).where(items.c.project == project, items.c.item.in_(names))
        kept = (await session.execute(query)).all()
        if not kept:
            return 0
        turn = sa.update(projects).where(projects.c.project == project)
        await session.execute(turn.values(revision=projects.c.revision + 1))
        for name in sorted({row.feature for row in kept}):
            row = (await session.execute(_one_feature(project, name))).one()
            these = [row.item for row in kept if row.feature == name]
            state = await _read(session, project, live_rows.feature(row), these)
            await _put(session, project, without(state, these))
        return len({row.item for row in kept})


async def _turned(session: AsyncSession, before: Watch, after: Watch) -> bool:
    """Takes the project's turn to write: whoever read before the last write reads again."""
    turn = sa.update(projects).where(projects.c.project == before.project, projects.c.revision == before.revision)
    written = await session.execute(turn.values(**(_watch_row(after) | {"revision": before.revision + 1})))
    return cast("sa.CursorResult[Any]", written).rowcount == 1


async def _put(session: AsyncSession, project: str, state: LiveState) -> None:
    name = state.feature.feature
    await _swap(session, features, features.c.feature, project, name, {name: live_rows.feature_row(state.feature)})
    people = {key: live_rows.labeler_row(name, labeler) for key, labeler in state.labelers.items()}
    await _swap(session, labelers, labelers.c.labeler, project, name, people)
    rows = {key: live_rows.item_row(name, item) for key, item in state.items.items()}
    await _swap(session, items, items.c.item, project, name, rows, state.gone)


async def _swap(
    session: AsyncSession,
    table: sa.Table,
    key: sa.Column[str],
    project: str,
    feature: str,
    rows: Mapping[str, Mapping[str, Any]],
    gone: Iterable[str] = (),
) -> None:
    """Puts rows in the place of those with the same keys."""
    for keys in _chunks([*rows, *gone]):
        old = (table.c.project == project) & (table.c.feature == feature) & key.in_(keys)
        await session.execute(sa.delete(table).where(old))
        new = [{"project": project, **rows[name]} for name in keys if name in rows]
        if new:
            await session.execute(sa.insert(table), new)


async def _read(
    session: AsyncSession, project: str, feature: LiveFeature, names: Sequence[str], people: Sequence[str] = ()
) -> LiveState:
    query = sa.select(items).where(items.c.project == project, items.c.feature == feature.feature)
    found: dict[str, LiveItem] = {}
    for some in _chunks(names):
        rows = await session.execute(query.where(items.c.item.in_(some)))
        found.update({row.item: live_rows.item(row) for row in rows})
    authors = sorted({*people, *(said.labeler for item in found.values() for said in item.said)})
    return LiveState(feature, await _labelers(session, project, feature.feature, authors), found)


async def _labelers(
    session: AsyncSession, project: str, feature: str, names: Sequence[str] | None
) -> dict[str, LiveLabeler]:
    query = sa.select(labelers).where(labelers.c.project == project, labelers.c.feature == feature)
    found: dict[str, LiveLabeler] = {}
    for some in [None] if names is None else _chunks(names):
        chosen = query if some is None else query.where(labelers.c.labeler.in_(some))
        rows = await session.execute(chosen.order_by(labelers.c.labeler))
        found.update({row.labeler: live_rows.labeler(row) for row in rows})
    return found


def _one_feature(project: str, feature: str) -> sa.Select[Any]:
    return sa.select(features).where(features.c.project == project, features.c.feature == feature)


def _watch_row(watch: Watch) -> dict[str, Any]:
    return {
        "project": watch.project,
        "revision": watch.revision,
        "start_ms": watch.start_ms,
        "token": watch.token,
        "change_ms": watch.change_ms,
        "due_ms": watch.due_ms,
    }


def _chunks(values: Sequence[T]) -> Iterable[Sequence[T]]:
    return [values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK)]
