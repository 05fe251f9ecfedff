"""A running training service on stand-ins, and clients for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from labelmill.aio import Client
from labelmill.training.v1 import resources_pb2, service_pb2
from labelmill_runtime.access import create_key
from labelmill_runtime.principal import Grant, Role
from labelmill_runtime.service import RunningServer, running
from labelmill_runtime.settings import RuntimeSettings
from labelmill_training.server import build
from labelmill_training.settings import TrainingSettings
from tests.training.fakes import PROJECT, REPORT, FakeLabels, FakeServer, FakeTrainer

PARENT = f"projects/{PROJECT}"
MODEL = f"{PARENT}/models/tone"


def create_request(model: str = MODEL, report: str = REPORT, **more: Any) -> service_pb2.CreateTrainingJobRequest:
    """A request for a job with the defaults of the recipe."""
    recipe = resources_pb2.Recipe(frozen_embedding_classifier=resources_pb2.FrozenEmbeddingClassifier(**more))
    labels = resources_pb2.LabelSource(quality_report=report)
    job = resources_pb2.TrainingJob(model=model, recipe=recipe, labels=labels)
    return service_pb2.CreateTrainingJobRequest(parent=PARENT, training_job=job)


@dataclass
class Training:
    """The service under test."""

    server: RunningServer
    client: Client
    labels: FakeLabels
    models: FakeServer
    trainer: FakeTrainer | None
    data_dir: Path
    key: str
    keys: dict[Role, str]

    async def train(self, request: service_pb2.CreateTrainingJobRequest | None = None) -> resources_pb2.TrainingJob:
        """Runs a job to its end."""
        operation = await self.client.training.create_training_job(request or create_request())
        return await operation.result(timeout_s=60)


@asynccontextmanager
async def serving(
    data_dir: Path,
    *,
    labels: FakeLabels | None = None,
    models: FakeServer | None = None,
    trainer: FakeTrainer | None = None,
    database_url: str | None = None,
    role: Role = Role.MANAGER,
) -> AsyncIterator[Training]:
    """The training service on a free port; `trainer=None` means real worker processes."""
    labels, models = labels or FakeLabels(), models or FakeServer()
    data_dir.mkdir(exist_ok=True)
    key = create_key(data_dir / "keys.json", "tester", [Grant(role, "*")])
    keys = {Role.SERVICE: create_key(data_dir / "keys.json", "service", [Grant(Role.SERVICE, "*")])}
    settings = RuntimeSettings(data_dir=data_dir, port=0, drain_seconds=1, database_url=database_url)
    patience = TrainingSettings(peer_patience_s=2, embed_batch=40)
    builder = partial(build, settings=patience, labels=labels, server=models, trainer=trainer)
    async with running(settings, [builder]) as server, Client(server.address, key) as client:
        yield Training(server, client, labels, models, trainer, data_dir, key, keys)


@pytest.fixture
async def training(tmp_path: Path) -> AsyncIterator[Training]:
    """The service with a trainer that takes no time."""
    async with serving(tmp_path / "data", trainer=FakeTrainer()) as service:
        yield service
