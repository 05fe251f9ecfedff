"""What training needs from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from labelmill_training.job_folder import JobFolder, Result, Spec
from labelmill_training.registry import Job, JobRequest, JobState, Model, ModelVersion
from labelmill_training.training_set import GoldLabel, LabelledSet, SoftLabel

StageProgress = Callable[[str, int, int], None]
"""Told of a stage, and how many of its steps are done, of how many."""


@dataclass(frozen=True)
class EncoderFiles:
    """What a model server needs to serve an encoder."""

    model: Path
    """model.onnx: input_ids and attention_mask, int64 [batch, tokens], to "embedding", float32 [batch, 384]."""
    tokenizer: Path
    """tokenizer.json."""


@dataclass(frozen=True)
class Feature:
    """The question that a report is about."""

    name: str
    class_names: tuple[str, ...]


@dataclass(frozen=True)
class Embeddings:
    """Embeddings of assets, one row each, in the order asked for."""

    encoder_version: int
    rows: NDArray[np.float32]


@dataclass(frozen=True)
class Deployment:
    """A classifier to bring into service."""

    project: str
    model_id: str
    model_version: str
    class_names: tuple[str, ...]
    feature: str
    encoder: str
    """With the version that it was trained on, encoders/{encoder}@{version}."""
    temperature: float
    artifact: bytes


class LabelSource(Protocol):
    """Where labels and gold come from."""

    async def require_project(self, project: str) -> None:
        """Raises NotFound PROJECT_NOT_FOUND."""

    async def feature(self, project: str, report: str) -> Feature:
        """What the report is about, with the classes of the current ontology. NotFound, UnknownFeature."""

    async def consensus(self, report: str) -> list[SoftLabel]:
        """The consensus of every item of the report."""

    async def evaluation_gold(self, project: str, feature: str, filter_text: str) -> list[GoldLabel]:
        """Gold that is held out for evaluation and within the filter."""

    async def held_out(self, project: str) -> list[str]:
        """Every asset that is held out for evaluation."""


class ModelServer(Protocol):
    """What serves models."""

    async def encoder_version(self, project: str, encoder: str) -> int | None:
        """The version of an encoder that answers; None: there is none."""

    async def deploy_encoder(self, project: str, encoder_id: str, files: EncoderFiles, max_tokens: int) -> None:
        """Brings an encoder into service; the same one again changes nothing."""

    async def embed(self, project: str, encoder: str, assets: Sequence[str]) -> Embeddings:
        """Embeds CLEAN assets, at most 500."""

    async def deploy_classifier(self, deployment: Deployment) -> str:
        """Brings a classifier into service; the SHA-256 of the artifact that answers. ModelRejected."""


class Trainer(Protocol):
    """Runs what needs torch, outside of this process."""

    async def export_encoder(self) -> EncoderFiles:
        """The built-in encoder's model and tokenizer files, made if they are not there yet."""

    async def train(self, folder: JobFolder, progress: StageProgress) -> None:
        """Leaves a result in the folder. Cancelling ends the process."""


class Journal(Protocol):
    """Where a job says how far it is, and hears that it must stop."""

    async def note(self, stage: str, done: int, total: int) -> None:
        """Stores how far the job is; raises when it was cancelled or must stop."""

    def raise_if_stopped(self) -> None:
        """Raises when the job was cancelled or must stop."""


@dataclass(frozen=True)
class OpenJob:
    """A job without an end."""

    id: str
    operation: str
    uses: bool | None
    """Whether it uses any of the assets in question; None: that is not known (yet)."""


class Items(Protocol):
    """Which assets jobs used, and which were erased."""

    async def record(
        self, job: Job, chosen: LabelledSet, began_ms: int, hold: Callable[[Any], Awaitable[None]]
    ) -> frozenset[str]:
        """Records what a job uses; unless some of it was erased since `began_ms`, which is then all that happens.

        Returns:
            What was erased.

        `hold` may veto in the same transaction.
        """

    async def remember_erased(self, project: str, asset_ids: Sequence[str]) -> None:
        """Lets no job begin with the assets that has read their labels already."""

    async def unfinished(self, project: str, asset_ids: Sequence[str]) -> list[OpenJob]:
        """The jobs that have no end."""

    async def trained(self, transaction: Any, project: str, asset_ids: Sequence[str]) -> list[str]:
        """Names of the versions that were trained on any of the assets, or of which that is not known."""

    async def scrub(self) -> None:
        """Takes what was erased out of the files of the database."""


class Registry(Protocol):
    """Keeps jobs, models and versions. What takes a transaction is written with all else in it, or not at all."""

    async def add_job(self, transaction: Any, project: str, job_id: str, request: JobRequest, operation: str) -> Job:
        """Records a new job."""

    async def job(self, project: str, job_id: str) -> Job:
        """One job. TrainingJobNotFound."""

    async def job_of(self, operation: str) -> Job:
        """The job that an operation runs."""

    async def jobs(self, project: str, before: str | None, limit: int) -> list[Job]:
        """Jobs, newest first, older than the one with the id `before`."""

    async def end_job(
        self,
        transaction: Any,
        job: Job,
        state: JobState,
        progress: tuple[str, int, int],
        *,
        error: bytes | None = None,
        version: int | None = None,
    ) -> None:
        """Records how a job ended; one that has ended stays as it is."""

    async def register(self, transaction: Any, job: Job, spec: Spec, result: Result) -> ModelVersion:
        """Adds the job's version to its model, or finds the one it has registered already. ModelFeatureMismatch."""

    async def model(self, project: str, model_id: str) -> Model | None:
        """One model, if there is one."""

    async def models(self, project: str, after: str | None, limit: int) -> list[Model]:
        """Models by name, after the one with the id `after`."""

    async def version(self, project: str, model_id: str, version: int) -> ModelVersion:
        """One version. ModelVersionNotFound."""

    async def versions(self, project: str, model_id: str, before: int | None, limit: int) -> list[ModelVersion]:
        """Versions of a model, newest first, below `before`. ModelNotFound."""

    async def mark_promoted(self, transaction: Any, version: ModelVersion) -> None:
        """Records which version is served."""

    def turn(self, project: str, model_id: str) -> AbstractAsyncContextManager[None]:
        """One promotion of a model at a time."""
