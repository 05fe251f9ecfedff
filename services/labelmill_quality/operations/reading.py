"""Reads figures that are kept current; those of one state are computed once."""

from __future__ import annotations

from collections.abc import Sequence

from labelmill_quality.errors import FeatureNotWatched, NotWatched
from labelmill_quality.jobs import live as jobs
from labelmill_quality.live.figures import LiveFigures
from labelmill_quality.live.gains import average_confusion, label_gains
from labelmill_quality.live.ports import ChangeSource, FeatureFacts, LiveStore, Watch
from labelmill_quality.live.state import LiveFeature, LiveItem
from labelmill_runtime.workers import WorkerPool

_REMEMBERED = 100


class LiveReading:
    """Figures of features."""

    def __init__(self, source: ChangeSource, store: LiveStore, workers: WorkerPool, *, replicates: int) -> None:
        self._source = source
        self._store = store
        self._workers = workers
        self._replicates = replicates
        self._known: dict[tuple[str, str], tuple[int, LiveFigures]] = {}

    async def features(self, project: str, name: str) -> tuple[Watch, Sequence[LiveFeature]]:
        """A feature, or all that anybody answered.

        Raises:
            NotWatched: NOT_WATCHED.
            FeatureNotWatched: FEATURE_NOT_WATCHED.
        """
        watch = await self._store.find(project)
        if watch is None:
            raise NotWatched(project)
        if not name:
            return watch, await self._store.features(project)
        feature = await self._store.feature(project, name)
        if feature is None:
            raise FeatureNotWatched(project)
        return watch, [feature]

    async def figures(self, watch: Watch, feature: LiveFeature) -> LiveFigures:
        """The figures of a feature."""
        key = (watch.project, feature.feature)
        revision, figures = self._known.get(key, (0, None))
        if figures is not None and revision == watch.revision:
            return figures
        facts = (await self._source.features(watch.project)).get(feature.feature)
        if facts is None:  # it is no longer in the ontology
            facts = FeatureFacts(feature.feature, feature.kind, feature.class_names, ordered=False)
        groups = await self._store.groups(watch.project, feature.feature)
        labelers = await self._store.labelers(watch.project, feature.feature)
        figures = await self._workers.call(jobs.feature_figures, feature, groups, labelers, facts, self._replicates)
        while len(self._known) >= _REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[key] = (watch.revision, figures)
        return figures

    async def gains(self, watch: Watch, feature: LiveFeature, items: Sequence[LiveItem]) -> list[float | None]:
        """What one more label of each item is expected to be worth; None where nobody has said a class yet."""
        labeled = [item for item in items if len(item.posterior)]
        if not labeled:
            return [None] * len(items)
        labelers = (await self.figures(watch, feature)).labelers
        gains = iter(label_gains(labeled, average_confusion(labelers, len(feature.class_names))))
        return [next(gains) if len(item.posterior) else None for item in items]
