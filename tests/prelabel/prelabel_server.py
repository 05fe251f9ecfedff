"""A prelabel server on a real socket, and what the tests do with it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelmill.aio import Client, Retry
from labelmill.prelabel.v1 import resources_pb2, service_pb2
from labelmill_prelabel.server import assemble
from labelmill_prelabel.settings import PrelabelSettings
from labelmill_runtime.access import create_key
from labelmill_runtime.principal import Grant, Role
from labelmill_runtime.service import RuntimeContext, Service, running
from labelmill_runtime.settings import RuntimeSettings
from tests.prelabel import onnx_models
from tests.prelabel.project_assets import PROJECT, AssetShelf, KnownProjects

PARENT = f"projects/{PROJECT}"
MODEL = f"{PARENT}/models/tone"
ENCODER = "encoders/words"
CLASSES = ("positive", "negative", "neutral")
CHUNK = 64 * 1024

Kind = resources_pb2.ServedModel
Request = service_pb2.DeployModelRequest


def upload(
    header: Request.Header, files: dict[str, bytes], *, sha256: str | None = None, chunk: int = CHUNK
) -> Iterator[Request]:
    """The messages of a deployment."""
    yield Request(header=header)
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(content)
        for start in range(0, len(content), chunk):
            yield Request(chunk=Request.FileChunk(file_name=name, data=content[start : start + chunk]))
    yield Request(sha256=sha256 or digest.hexdigest())


def encoder_header(model_id: str = "words", **fields: Any) -> Request.Header:
    return Request.Header(parent=PARENT, model_id=model_id, kind=Kind.KIND_TEXT_ENCODER, **fields)


def classifier_header(**changes: Any) -> Request.Header:
    fields: dict[str, Any] = {
        "parent": PARENT,
        "model_id": "tone",
        "kind": Kind.KIND_EMBEDDING_CLASSIFIER,
        "class_names": CLASSES,
        "feature": "tone",
        "encoder": ENCODER,
    }
    return Request.Header(**{**fields, **changes})


@dataclass
class Prelabel:
    """A running server, clients by role, and its surroundings."""

    client: Client
    """Role service on every project."""
    by_role: dict[str, Client]
    assets: AssetShelf
    data_dir: Path
    scratch: Path

    async def deploy(self, header: Request.Header, files: dict[str, bytes]) -> resources_pb2.ServedModel:
        return await self.client.prelabel.deploy_model(upload(header, files))

    async def deploy_encoder(self, seed: int = 0) -> resources_pb2.ServedModel:
        files = {"model.onnx": onnx_models.encoder(seed), "tokenizer.json": onnx_models.tokenizer(self.scratch)}
        return await self.deploy(encoder_header(), files)

    async def deploy_classifier(self, turn: int = 0, **changes: Any) -> resources_pb2.ServedModel:
        return await self.deploy(classifier_header(**changes), {"model.onnx": onnx_models.head(turn=turn)})

    async def predict(self, *texts: str, model: str = MODEL) -> Sequence[resources_pb2.Prediction]:
        request = service_pb2.PredictTextsRequest(model=model, texts=texts)
        return (await self.client.prelabel.predict_texts(request)).predictions

    async def classes(self, *texts: str) -> list[str]:
        return [one.annotations[0].classification.single for one in await self.predict(*texts)]


@asynccontextmanager
async def prelabel_server(
    data_dir: Path,
    scratch: Path,
    assets: AssetShelf | None = None,
    *,
    retry: Retry | None = None,
    database_url: str | None = None,
    **settings: Any,
) -> AsyncIterator[Prelabel]:
    """Serves prelabel on what is in `data_dir`."""
    shelf = assets or AssetShelf()

    async def build(context: RuntimeContext) -> Service:
        return await assemble(context, PrelabelSettings(**settings), shelf, KnownProjects())

    runtime = RuntimeSettings(
        data_dir=data_dir, port=0, drain_seconds=1.0, operation_lease_s=2.0, database_url=database_url
    )
    keys = {
        "service": create_key(runtime.keys_path, "service", [Grant(Role.SERVICE, "*")]),
        "manager": create_key(runtime.keys_path, "manager", [Grant(Role.MANAGER, PROJECT)]),
        "annotator": create_key(runtime.keys_path, "annotator", [Grant(Role.ANNOTATOR, PROJECT)]),
        "stranger": create_key(runtime.keys_path, "stranger", [Grant(Role.OWNER, "others")]),
    }
    async with running(runtime, [build]) as server:
        clients = {role: Client(server.address, key, retry=retry) for role, key in keys.items()}
        try:
            yield Prelabel(clients["service"], clients, shelf, data_dir, scratch)
        finally:
            for client in clients.values():
                await client.close()
