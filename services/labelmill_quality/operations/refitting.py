"""The operation RefitProjectQuality: reads a feature's answers again, has it fitted anew, tells the difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import cast

from labelmill.quality.v1 import live_service_pb2 as pb
from labelmill_quality.convert import live as convert
from labelmill_quality.errors import FeatureNotWatched, FiguresBusy, NotWatched
from labelmill_quality.jobs import live as jobs
from labelmill_quality.live.answers import Change
from labelmill_quality.live.ports import ChangeSource, LiveStore
from labelmill_quality.live.state import LiveFeature
from labelmill_quality.operations.keeping import OVERLAP_MS, now_ms
from labelmill_quality.operations.turns import Turns
from labelmill_runtime import names
from labelmill_runtime.operations import OperationContext, OperationStore
from labelmill_runtime.workers import WorkerPool

KIND = "refit_project_quality"
_ATTEMPTS = 5
_SHARE, _LEAST = 4, 100
"""A feature is fitted anew when a quarter of its labels, but at least 100, came since the last time."""


class Refitting:
    """Checks and runs RefitProjectQuality; it has no checkpoint: all it does before one transaction is reading."""

    def __init__(
        self,
        source: ChangeSource,
        store: LiveStore,
        workers: WorkerPool,
        turns: Turns,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._source = source
        self._store = store
        self._workers = workers
        self._turns = turns
        self._clock = clock

    async def check(self, request: pb.RefitProjectQualityRequest) -> None:
        """Raises what is wrong with the request already now, before there is an operation."""
        await self._feature(names.project_of(request.parent, field="parent"), request.feature)

    async def run(self, context: OperationContext, request: pb.RefitProjectQualityRequest) -> pb.Refit:
        """Fits the feature anew and keeps the difference."""
        project = context.project
        for _ in range(_ATTEMPTS):
            began = self._clock()
            feature = await self._feature(project, request.feature)
            everything = await self._read(context, project, feature)
            gold = await self._source.gold(project, feature.feature) if feature.is_choice else {}
            async with self._turns.of(project):
                told = await self._fit(context, request.feature, everything, gold, began)
            if told is not None:
                return told
        raise FiguresBusy(project)

    async def _fit(
        self, context: OperationContext, name: str, everything: Sequence[Change], gold: Mapping[str, str], began: int
    ) -> pb.Refit | None:
        """Fits and writes; None where somebody else wrote meanwhile, or an item was erased."""
        project = context.project
        watch = await self._store.watch(project)
        before = await self._store.read_all(project, await self._feature(project, name))
        await _tell(context, len(everything), "fitting")
        after, difference = await self._workers.call(jobs.refit_feature, before, everything, gold)
        told = convert.refit(name, difference, self._clock())
        after = replace(after, feature=replace(after.feature, last_refit=told.SerializeToString()))
        # What came while all was read is read once more: what is known already changes nothing.
        again = replace(watch, start_ms=max(0, min(watch.start_ms, began - OVERLAP_MS)), token="", due_ms=0)
        written = await self._store.replace(watch, again, after, began, context.hold)
        return told if written else None

    async def _read(self, context: OperationContext, project: str, feature: LiveFeature) -> list[Change]:
        everything: list[Change] = []
        for benchmark in (True, False):
            async for page in self._source.answers(project, feature.feature, benchmark=benchmark):
                everything += page
                await _tell(context, len(everything), "reading")
        return everything

    async def _feature(self, project: str, name: str) -> LiveFeature:
        if await self._store.find(project) is None:
            raise NotWatched(project)
        feature = await self._store.feature(project, name)
        if feature is None:
            raise FeatureNotWatched(project)
        return feature


class RefitPlan:
    """Starts refits by itself where many labels came since the last one."""

    def __init__(self, store: LiveStore, operations: OperationStore) -> None:
        self._store = store
        self._operations = operations
        self._started: dict[tuple[str, str], int] = {}

    async def start_due(self, project: str) -> None:
        """Starts what is due in a project; one that was started is not started again before it has ended."""
        for feature in await self._store.features(project):
            key, since = (project, feature.feature), feature.labels_since_refit
            if since < self._started.get(key, 0):
                del self._started[key]  # it has ended: counting began anew
            if since < _LEAST or key in self._started:
                continue
            people = await self._store.labelers(project, feature.feature)
            if since * _SHARE >= sum(labeler.label_count for labeler in people.values()):
                await self._start(project, feature.feature)
                self._started[key] = since

    async def _start(self, project: str, feature: str) -> None:
        request = pb.RefitProjectQualityRequest(parent=f"projects/{project}", feature=feature)
        metadata = pb.RefitMetadata()
        metadata.progress.create_time.GetCurrentTime()
        await self._operations.start(None, kind=KIND, project=project, request=request, metadata=metadata)


async def _tell(context: OperationContext, done: int, stage: str) -> None:
    metadata = pb.RefitMetadata()
    metadata.MergeFrom(cast("pb.RefitMetadata", context.metadata))
    metadata.progress.done_count, metadata.progress.stage = done, stage
    metadata.progress.update_time.GetCurrentTime()
    await context.progress(metadata)
