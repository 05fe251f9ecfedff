"""A job from labels to a result in its folder; what is there already is not done again. Pure."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from labelmill_runtime.errors import Aborted, DeadlineExceeded, LabelmillError, ResourceExhausted, Unavailable
from labelmill_training.encoder_id import BUILT_IN_ENCODER, ENCODER_ID, MAX_TOKENS
from labelmill_training.errors import EncoderNotFound
from labelmill_training.job_folder import Inputs, JobFolder, Result, Spec
from labelmill_training.ports import Feature, Journal, LabelSource, ModelServer, Trainer
from labelmill_training.registry import JobRequest
from labelmill_training.training_set import LabelledSet, choose

T = TypeVar("T")
Record = Callable[[LabelledSet, int], Awaitable[frozenset[str]]]
"""Records what a job uses, or says what of it was erased since (milliseconds since 1970)."""

RECIPE = "frozen_embedding_classifier"
_PASSING = (Unavailable, DeadlineExceeded, ResourceExhausted, Aborted)
_LOOK_S = 0.2


@dataclass(frozen=True)
class Limits:
    """How hard to press the model server, and how long to wait for it."""

    embed_batch: int = 250
    embed_calls: int = 2
    patience_s: float = 300.0


class FineTuning:
    """Runs the stages of one job."""

    def __init__(
        self,
        project: str,
        request: JobRequest,
        folder: JobFolder,
        labels: LabelSource,
        server: ModelServer,
        trainer: Trainer,
        journal: Journal,
        record: Record,
        limits: Limits,
    ) -> None:
        self._project = project
        self._request = request
        self._encoder = request.encoder or BUILT_IN_ENCODER
        self._folder = folder
        self._labels = labels
        self._server = server
        self._trainer = trainer
        self._journal = journal
        self._record = record
        self._limits = limits

    async def run(self) -> tuple[Spec, Result]:
        """Does what is left to do."""
        if self._folder.spec() is None:
            await self._prepare()
        if self._folder.result() is None:
            await self._train()
        spec, result = self._folder.spec(), self._folder.result()
        if spec is None or result is None:
            raise Aborted("JOB_FOLDER_CHANGED", "The job's folder was changed while the job ran.")
        return spec, result

    async def _prepare(self) -> None:
        await self._journal.note("gathering", 0, 0)
        feature = await self._patiently(lambda: self._labels.feature(self._project, self._request.quality_report))
        chosen = await self._gather(feature)
        await self._ensure_encoder()
        assets = (*chosen.training_assets, *chosen.evaluation_assets)
        version, rows = await self._embed(assets)
        split = len(chosen.training_assets)
        spec = self._spec(feature, chosen, f"{self._encoder}@{version}")
        inputs = Inputs(rows[:split], chosen.targets, rows[split:], chosen.gold)
        await asyncio.to_thread(self._folder.write_inputs, spec, inputs)

    async def _gather(self, feature: Feature) -> LabelledSet:
        began_ms = time.time_ns() // 1_000_000
        labels = await self._patiently(lambda: self._labels.consensus(self._request.quality_report))
        gold = await self._patiently(
            lambda: self._labels.evaluation_gold(self._project, feature.name, self._request.benchmark_filter)
        )
        held_out = await self._patiently(lambda: self._labels.held_out(self._project))
        least = self._request.min_posterior
        while True:
            chosen = choose(feature.class_names, labels, gold, held_out=held_out, min_posterior=least)
            erased = await self._record(chosen, began_ms)
            if not erased:
                return chosen
            labels = [label for label in labels if label.asset not in erased]
            gold = [item for item in gold if item.asset not in erased]

    async def _ensure_encoder(self) -> None:
        version = await self._patiently(lambda: self._server.encoder_version(self._project, self._encoder))
        if version is not None:
            return
        if self._encoder != BUILT_IN_ENCODER:
            raise EncoderNotFound(self._encoder)
        await self._journal.note("deploying_encoder", 0, 0)
        files = await self._stoppable(self._trainer.export_encoder())
        await self._patiently(lambda: self._server.deploy_encoder(self._project, ENCODER_ID, files, MAX_TOKENS))

    async def _embed(self, assets: Sequence[str]) -> tuple[int, NDArray[np.float32]]:
        """The encoder's version and one row an asset; all by one version."""
        size = self._limits.embed_batch
        batches = [assets[start : start + size] for start in range(0, len(assets), size)]
        turns = asyncio.Semaphore(self._limits.embed_calls)
        done = 0
        await self._journal.note("embedding", done, len(assets))

        async def embed(batch: Sequence[str]) -> tuple[int, NDArray[np.float32]]:
            nonlocal done
            async with turns:
                answer = await self._patiently(lambda: self._server.embed(self._project, self._encoder, batch))
                done += len(batch)
                await self._journal.note("embedding", done, len(assets))
            return answer.encoder_version, answer.rows

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(embed(batch)) for batch in batches]
        except BaseExceptionGroup as failures:
            raise _first(failures) from None
        versions = {version for version, _ in (task.result() for task in tasks)}
        if len(versions) > 1:  # another version was deployed meanwhile
            return await self._embed(assets)
        return versions.pop(), np.concatenate([task.result()[1] for task in tasks])

    def _spec(self, feature: Feature, chosen: LabelledSet, encoder: str) -> Spec:
        request = self._request
        return Spec(
            recipe=RECIPE,
            l2_penalty=request.l2_penalty,
            balance_classes=request.balance_classes,
            hard_labels=request.hard_labels,
            seed=request.seed & 0xFFFF_FFFF_FFFF_FFFF,  # numpy draws from unsigned seeds
            feature=feature.name,
            class_names=feature.class_names,
            encoder=encoder,
            training_set_sha256=chosen.sha256(encoder),
        )

    async def _train(self) -> None:
        latest = ("starting", 0, 0)

        def progress(stage: str, done: int, total: int) -> None:
            nonlocal latest
            latest = (stage, done, total)

        await self._journal.note(*latest)
        await self._stoppable(self._trainer.train(self._folder, progress), lambda: latest)

    async def _stoppable(self, work: Awaitable[T], progress: Callable[[], tuple[str, int, int]] | None = None) -> T:
        """Awaits long work of another process; ends it as soon as the job is told to stop."""
        task, told = asyncio.ensure_future(work), progress() if progress else None
        try:
            while not task.done():
                await asyncio.wait([task], timeout=_LOOK_S)
                self._journal.raise_if_stopped()
                if progress is not None and progress() != told:
                    told = progress()
                    await self._journal.note(*told)
            return await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Calls again while another service is away, for as long as the limits allow."""
        loop = asyncio.get_running_loop()
        deadline, delay = loop.time() + self._limits.patience_s, 0.5
        while True:
            self._journal.raise_if_stopped()
            try:
                return await call()
            except _PASSING as error:
                delay = max(delay, error.retry_after_s or 0.0)
                if loop.time() + delay > deadline:
                    raise
            await asyncio.sleep(delay)
            delay = min(delay * 2, 5.0)


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """The most telling of several failures: a stop before an error of ours before anything else."""
    flat = [error for error in failures.exceptions if not isinstance(error, BaseExceptionGroup)]
    ours = [error for error in flat if isinstance(error, LabelmillError)]
    return (ours or flat or [failures])[0]
