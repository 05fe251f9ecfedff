"""In-memory stand-ins for training's ports, deterministic so that a restarted process sees the same world."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from labelmill_runtime.errors import LabelmillError, NotFound
from labelmill_training.evaluation import Estimate, Evaluation
from labelmill_training.job_folder import JobFolder, Result
from labelmill_training.ports import Deployment, Embeddings, EncoderFiles, Feature, StageProgress
from labelmill_training.training_set import GoldLabel, SoftLabel

PROJECT = "demo"
REPORT = f"projects/{PROJECT}/qualityReports/r1"
CLASSES = ("negative", "neutral", "positive")
LENGTH = 384
_CENTRES = np.random.default_rng(5).normal(size=(len(CLASSES), LENGTH))


def class_of(asset: str) -> int:
    """The true class, told by the asset's number."""
    return int(asset.rpartition("-")[2]) % len(CLASSES)


def embedding_of(asset: str) -> np.ndarray:
    """Noise around the centre of the true class."""
    seed = int.from_bytes(hashlib.sha256(asset.encode()).digest()[:4], "big")
    row = _CENTRES[class_of(asset)] + np.random.default_rng(seed).normal(size=LENGTH) * 8
    return np.asarray(row / np.linalg.norm(row), dtype=np.float32)


def assets(first: int, count: int) -> list[str]:
    return [f"projects/{PROJECT}/assets/a-{number}" for number in range(first, first + count)]


@dataclass
class FakeLabels:
    """A project with consensus labels and gold."""

    label_count: int = 120
    gold_count: int = 60
    feature_name: str = "tone"
    filters: list[str] = field(default_factory=list)
    failure: LabelmillError | None = None

    async def require_project(self, project: str) -> None:
        if project != PROJECT:
            raise NotFound("PROJECT_NOT_FOUND", "There is no such project.")

    async def feature(self, project: str, report: str) -> Feature:
        if report != REPORT:
            raise NotFound("QUALITY_REPORT_NOT_FOUND", "There is no such report.")
        return Feature(self.feature_name, CLASSES)

    async def consensus(self, report: str) -> list[SoftLabel]:
        if self.failure is not None:
            raise self.failure
        return [SoftLabel(asset, self._posterior(class_of(asset))) for asset in assets(0, self.label_count)]

    async def evaluation_gold(self, project: str, feature: str, filter_text: str) -> list[GoldLabel]:
        self.filters.append(filter_text)
        return [GoldLabel(asset, CLASSES[class_of(asset)]) for asset in await self.held_out(project)]

    async def held_out(self, project: str) -> list[str]:
        return assets(self.label_count - 10, self.gold_count)  # ten of them have labels, too

    def _posterior(self, likeliest: int) -> dict[str, float]:
        return {name: 0.8 if position == likeliest else 0.1 for position, name in enumerate(CLASSES)}


@dataclass
class FakeServer:
    """A model server that remembers what it was handed."""

    encoder: int | None = 1
    deployed: list[Deployment] = field(default_factory=list)
    encoders: list[str] = field(default_factory=list)
    failure: LabelmillError | None = None
    embed_delay_s: float = 0.0
    embedded: int = 0

    async def encoder_version(self, project: str, encoder: str) -> int | None:
        return self.encoder if encoder == "encoders/minilm-l6-v2" else None

    async def deploy_encoder(self, project: str, encoder_id: str, files: EncoderFiles, max_tokens: int) -> None:
        assert files.model.is_file()
        assert files.tokenizer.is_file()
        self.encoders.append(encoder_id)
        self.encoder = 1

    async def embed(self, project: str, encoder: str, names: Sequence[str]) -> Embeddings:
        if self.failure is not None:
            raise self.failure
        await asyncio.sleep(self.embed_delay_s)
        self.embedded += len(names)
        return Embeddings(self.encoder or 0, np.stack([embedding_of(name) for name in names]))

    async def deploy_classifier(self, deployment: Deployment) -> str:
        if self.failure is not None:
            raise self.failure
        self.deployed.append(deployment)
        return hashlib.sha256(deployment.artifact).hexdigest()


@dataclass
class FakeTrainer:
    """Trains nothing, at once; or waits to be stopped."""

    accuracy: float = 0.8
    endless: bool = False
    fault: Exception | None = None
    trained: int = 0
    stopped: int = 0

    async def export_encoder(self) -> EncoderFiles:
        return EncoderFiles(Path(__file__), Path(__file__))

    async def train(self, folder: JobFolder, progress: StageProgress) -> None:
        progress("training", 1, 5)
        self.trained += 1
        if self.fault is not None:
            raise self.fault
        try:
            while self.endless:
                await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        artifact = f"onnx {folder.path.name}".encode()
        folder.model.write_bytes(artifact)
        inputs = folder.inputs()
        folder.write_result(self._result(artifact, len(inputs.targets), len(inputs.gold)))

    def _result(self, artifact: bytes, items: int, gold: int) -> Result:
        number = Estimate(self.accuracy, 0.7, 0.9, "accuracy", "wilson", gold)
        evaluation = Evaluation(number, number, number, number, ((1, 0, 0),) * 3, 0.4)
        digest = hashlib.sha256(artifact).hexdigest()
        return Result(digest, len(artifact), 1.5, 0.01, evaluation, items, gold, ("none 1.0",))
