"""Keeps projects' figures current: reads what changed in annotation, has it judged, writes what became different."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from labelmill_quality.errors import FiguresBusy
from labelmill_quality.features import CHOICES, FEATURES
from labelmill_quality.jobs import live as jobs
from labelmill_quality.live.answers import Change
from labelmill_quality.live.gold import GoldShelf
from labelmill_quality.live.ports import ChangePage, ChangeSource, FeatureFacts, LiveStore, Watch
from labelmill_quality.live.refitting import empty
from labelmill_quality.live.state import LiveState
from labelmill_quality.operations.turns import Turns
from labelmill_runtime.errors import InvalidArgument
from labelmill_runtime.workers import WorkerPool

OVERLAP_MS = 60_000
"""Read again from so long before the newest change: a transaction that was open then may have ended since."""
_MAX_CHANGES = 20_000
_ATTEMPTS = 5
_LATEST_MS, _IDLE_SHARE = 300_000, 10
_STALE_PAGE = "INVALID_PAGE_TOKEN"


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh came to."""

    change_count: int
    item_count: int
    more: bool


class KeepingCurrent:
    """Follows the annotations of projects.

    A page of changes and how far reading has come are written in one transaction, and only if nobody else has written
    since: whoever is killed in between, or is second, leaves no trace.
    """

    def __init__(
        self,
        source: ChangeSource,
        store: LiveStore,
        workers: WorkerPool,
        turns: Turns,
        *,
        soonest_ms: int,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._source = source
        self._store = store
        self._workers = workers
        self._turns = turns
        self._soonest_ms = soonest_ms
        self._clock = clock
        self._gold = GoldShelf(source, clock)

    async def refresh(self, project: str) -> Refreshed:
        """Reads what changed, up to some 20,000 annotations.

        Raises:
            NotFound: There is no such project.
            FiguresBusy: Others wrote again and again.
        """
        features = await self._source.features(project)
        async with self._turns.of(project):
            return await self._refresh(project, features)

    async def _refresh(self, project: str, features: Mapping[str, FeatureFacts]) -> Refreshed:
        watch = await self._store.watch(project)
        read = changed = items = lost = 0
        while True:
            began = self._clock()
            watch, page = await self._page(watch)
            states = await self._judged(project, page.changes, features)
            if await self._store.write(watch, self._moved(watch, page, began), states, began):
                lost = 0
                read += len(page.changes)
                changed += sum(state.change_count for state in states)
                items += sum(len(state.items) + len(state.gone) for state in states)
                if not page.next_token or read >= _MAX_CHANGES:
                    return Refreshed(changed, items, bool(page.next_token))
            elif (lost := lost + 1) == _ATTEMPTS:
                raise FiguresBusy(project)
            watch = await self._store.watch(project)

    async def refresh_due(self) -> str | None:
        """Refreshes a project that is due; its id."""
        project = await self._store.claim(self._clock(), lambda watch: self._next_look(watch, self._clock()))
        if project is not None:
            await self.refresh(project)
        return project

    async def _page(self, watch: Watch) -> tuple[Watch, ChangePage]:
        try:
            return watch, await self._source.changes(watch.project, watch.start_ms, watch.token)
        except InvalidArgument as error:
            if error.reason != _STALE_PAGE or not watch.token:
                raise
            # Annotation makes its tokens otherwise by now: on from the newest that is known, or a little before.
            watch = replace(watch, start_ms=max(watch.start_ms, watch.change_ms - OVERLAP_MS), token="")
            return watch, await self._source.changes(watch.project, watch.start_ms, "")

    async def _judged(
        self, project: str, changes: Iterable[Change], facts: Mapping[str, FeatureFacts]
    ) -> Sequence[LiveState]:
        by_feature: dict[str, list[Change]] = defaultdict(list)
        for change in changes:
            by_feature[change.feature].append(change)
        work = [
            await self._work(project, facts[name], some)
            for name, some in sorted(by_feature.items())
            if name in facts and (facts[name].kind in CHOICES or facts[name].kind in FEATURES)
        ]
        if not work:
            return ()
        states = await self._workers.call(jobs.update_features, work)
        return [state for state in states if state.items or state.gone]

    async def _work(self, project: str, facts: FeatureFacts, changes: Sequence[Change]) -> jobs.FeatureChanges:
        feature = await self._store.feature(project, facts.feature)
        if feature is None:
            feature = empty(facts.feature, facts.kind, facts.class_names)
        items = sorted({change.item for change in changes})
        people = sorted({change.said.labeler for change in changes})
        state = await self._store.read(project, feature, items, people)
        gold: Mapping[str, str] = {}
        if feature.is_choice:
            asked = {change.item for change in changes if change.said.benchmark}
            gold = await self._gold.of(project, facts.feature, asked)
        return jobs.FeatureChanges(state, changes, {item: gold[item] for item in items if item in gold})

    def _moved(self, watch: Watch, page: ChangePage, now: int) -> Watch:
        """How far reading is after a page."""
        change_ms = max([watch.change_ms, *(change.said.time_ms for change in page.changes)])
        start_ms = watch.start_ms if page.next_token else max(watch.start_ms, change_ms - OVERLAP_MS)
        after = replace(watch, start_ms=start_ms, token=page.next_token, change_ms=change_ms)
        return replace(after, due_ms=self._next_look(after, now))

    def _next_look(self, watch: Watch, now: int) -> int:
        """When to look for changes again: the longer ago the newest is, the later; at once where pages are left."""
        if watch.token:
            return now
        return now + min(_LATEST_MS, max(self._soonest_ms, (now - watch.change_ms) // _IDLE_SHARE))
