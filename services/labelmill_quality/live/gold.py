"""The gold of features, kept for a minute. Pure but for its source."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from labelmill_quality.live.ports import ChangeSource

_KEEP_MS = 60_000


class GoldShelf:
    """Remembers gold, so that not every refresh reads all of it. What comes later, the next refit finds."""

    def __init__(self, source: ChangeSource, clock: Callable[[], int]) -> None:
        self._source = source
        self._clock = clock
        self._kept: dict[tuple[str, str], tuple[int, Mapping[str, str]]] = {}

    async def of(self, project: str, feature: str, benchmarks: Collection[str]) -> Mapping[str, str]:
        """Item -> gold class.

        Args:
            project: The project.
            feature: The feature.
            benchmarks: Items that must have gold: they were shown as benchmarks.
        """
        read_ms, gold = self._kept.get((project, feature), (0, {}))
        if self._clock() - read_ms > _KEEP_MS or not gold.keys() >= set(benchmarks):
            gold = await self._source.gold(project, feature)
            self._kept = {key: kept for key, kept in self._kept.items() if self._clock() - kept[0] <= _KEEP_MS}
            self._kept[project, feature] = (self._clock(), gold)
        return gold
