"""Ranks all CLEAN assets that match a filter by what a label would teach.

A resumed job begins anew: embeddings are cached, so that costs little.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from labelmill_prelabel import ranking
from labelmill_prelabel.asset_prediction import PAGE, TIMEOUT_S
from labelmill_prelabel.deployment import Deployer
from labelmill_prelabel.embedding import Embedder
from labelmill_prelabel.ports import AssetContent, Assets, Floats
from labelmill_prelabel.prediction import Predictor, Probabilities, Served
from labelmill_prelabel.ranking import Ranked, Strategy
from labelmill_runtime.errors import LabelmillError


@dataclass(frozen=True)
class RankingJob:
    """What is asked for."""

    project: str
    served: Served
    strategy: Strategy
    filter_text: str
    excluded: frozenset[str]
    limit: int
    seed: int


@dataclass(frozen=True)
class RankingProgress:
    """How far the job is."""

    stage: str
    total: int = 0
    done: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Ranking:
    """(asset, score), best first, and how many were ranked."""

    assets: Sequence[tuple[str, float]]
    candidates: int


@dataclass
class _Candidates:
    contents: list[AssetContent] = field(default_factory=list)
    probabilities: list[Probabilities] = field(default_factory=list)
    failed: int = 0


class AssetRanking:
    """Runs ranking jobs."""

    def __init__(self, predictor: Predictor, embedder: Embedder, deployer: Deployer, assets: Assets) -> None:
        self._predictor = predictor
        self._embedder = embedder
        self._deployer = deployer
        self._assets = assets

    async def run(self, job: RankingJob, report: Callable[[RankingProgress], Awaitable[None]]) -> Ranking:
        """The ranking; `report` may raise to stop it."""
        found = await self._candidates(job, report)
        names = [content.asset for content in found.contents]
        if not names:
            return Ranking((), 0)
        await report(RankingProgress("ranking", len(names) + found.failed, len(names) + found.failed, found.failed))
        ties = ranking.chances(names, job.seed)
        rows = np.stack(found.probabilities) if found.probabilities else np.empty((len(names), 0))
        values = ranking.scores(job.strategy, rows, ties)
        if job.strategy is Strategy.DIVERSE_MARGIN:
            shortlist = ranking.best(values, ties, job.limit * ranking.DIVERSITY_FACTOR)
            embeddings = await self._embeddings(job, [found.contents[one.index] for one in shortlist])
            # Seconds of arithmetic for the largest limits, so not on the event loop.
            ranked = await asyncio.to_thread(ranking.take_turns, shortlist, embeddings, job.limit, job.seed)
        else:
            ranked = ranking.best(values, ties, job.limit)
        return Ranking([_named(names, one) for one in ranked], len(names))

    async def _candidates(self, job: RankingJob, report: Callable[[RankingProgress], Awaitable[None]]) -> _Candidates:
        found, token, done = _Candidates(), "", 0
        while True:
            page = await self._assets.page(job.project, job.filter_text, token, PAGE)
            wanted = [content for content in page.assets if content.asset not in job.excluded]
            await self._judge(job, wanted, found)
            done += len(page.assets)
            await report(RankingProgress("predicting", page.total, done, found.failed))
            token = page.next_page_token
            if not token:
                return found

    async def _judge(self, job: RankingJob, wanted: Sequence[AssetContent], found: _Candidates) -> None:
        if job.strategy is Strategy.RANDOM:  # needs no model
            found.contents.extend(wanted)
            return
        await self._deployer.keep_loaded(job.served.model)
        answers = await self._predictor.predict_contents(job.served, self._assets, job.project, wanted, TIMEOUT_S)
        for content in wanted:
            row = answers.get(content.asset)
            if row is None or isinstance(row, LabelmillError):
                found.failed += 1
            else:
                found.contents.append(content)
                found.probabilities.append(row)

    async def _embeddings(self, job: RankingJob, contents: Sequence[AssetContent]) -> Floats:
        rows: list[Floats] = []
        for start in range(0, len(contents), PAGE):
            part = contents[start : start + PAGE]
            found = await self._embedder.embed_contents(job.served.encoder, self._assets, job.project, part, TIMEOUT_S)
            for content in part:
                row = found[content.asset]
                if isinstance(row, LabelmillError):  # read and embedded a moment ago: erased since, for one
                    row = np.zeros(job.served.encoder.embedding_length, dtype=np.float32)
                rows.append(row)
        return np.stack(rows)


def _named(names: Sequence[str], one: Ranked) -> tuple[str, float]:
    return names[one.index], one.score
