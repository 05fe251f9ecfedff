"""Predicts for all CLEAN assets that match a filter, page by page; a page that was kept is never computed again."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from labelmill_prelabel.deployment import Deployer
from labelmill_prelabel.ports import AssetContent, AssetPage, Assets, Guard, KeptPrediction, PredictionStore
from labelmill_prelabel.prediction import Predictor, Probabilities, Served
from labelmill_runtime.errors import LabelmillError

PAGE = 500
TIMEOUT_S = 300.0
"""For one page; a loaded machine is no reason to fail a job."""
MAX_REPORTED_FAILURES = 100


@dataclass(frozen=True)
class PredictionJob:
    """What is asked for."""

    project: str
    served: Served
    filter_text: str
    operation: str
    """The name under which it runs; predictions remember it, so that a resumed job knows its own."""


@dataclass(frozen=True)
class PredictionProgress:
    """How far the job is; also its checkpoint."""

    total: int = 0
    predicted: int = 0
    skipped: int = 0
    failed: int = 0
    page_token: str = ""
    finished: bool = False
    failures: tuple[tuple[str, LabelmillError], ...] = ()
    """The first of those that failed since this process took over."""

    def checkpoint(self) -> dict[str, Any]:
        """What a later process needs."""
        keys = ("total", "predicted", "skipped", "failed", "page_token", "finished")
        return {key: getattr(self, key) for key in keys}

    @classmethod
    def restored(cls, checkpoint: Mapping[str, Any]) -> PredictionProgress:
        """From a checkpoint; {} is the beginning."""
        return cls(**checkpoint)


Report = Callable[[PredictionProgress], Awaitable[None]]


class AssetPrediction:
    """Runs prediction jobs."""

    def __init__(self, predictor: Predictor, deployer: Deployer, assets: Assets, store: PredictionStore) -> None:
        self._predictor = predictor
        self._deployer = deployer
        self._assets = assets
        self._store = store

    async def run(
        self, job: PredictionJob, progress: PredictionProgress, report: Report, guard: Guard
    ) -> PredictionProgress:
        """Works from `progress` to the end.

        Args:
            job: What to predict.
            progress: Where to begin.
            report: Stores progress; raises to stop.
            guard: Makes a transaction depend on still owning the job.
        """
        while not progress.finished:
            await self._deployer.keep_loaded(job.served.model)
            page = await self._assets.page(job.project, job.filter_text, progress.page_token, PAGE)
            progress = await self._predict_page(job, page, progress, guard)
            await report(progress)
        return progress

    async def _predict_page(
        self, job: PredictionJob, page: AssetPage, progress: PredictionProgress, guard: Guard
    ) -> PredictionProgress:
        made = await self._store.made_by(job.served.model, [content.asset for content in page.assets])
        todo = [content for content in page.assets if content.asset not in made]
        answers = await self._answers(job, todo)
        good = {asset: row for asset, row in answers.items() if not isinstance(row, LabelmillError)}
        bad = [(asset, error) for asset, error in answers.items() if isinstance(error, LabelmillError)]
        now = time.time_ns() // 1_000_000
        kept = [KeptPrediction(asset, job.served.model, row, now) for asset, row in good.items()]
        if kept:
            await self._store.save(kept, job.operation, min(content.seen_ms for content in todo), guard)
        own = sum(operation == job.operation for operation in made.values())  # kept just before a crash
        return replace(
            progress,
            total=page.total,
            predicted=progress.predicted + len(good) + own,
            skipped=progress.skipped + len(made) - own,
            failed=progress.failed + len(bad),
            page_token=page.next_page_token,
            finished=not page.next_page_token,
            failures=(*progress.failures, *bad)[:MAX_REPORTED_FAILURES],
        )

    async def _answers(
        self, job: PredictionJob, todo: Sequence[AssetContent]
    ) -> Mapping[str, Probabilities | LabelmillError]:
        if not todo:
            return {}
        return await self._predictor.predict_contents(job.served, self._assets, job.project, todo, TIMEOUT_S)
