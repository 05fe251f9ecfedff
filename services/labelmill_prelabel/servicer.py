"""PrelabelService: proto in, domain call, proto out."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc.aio
import numpy as np
from google.longrunning import operations_pb2
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill.prelabel.v1 import resources_pb2, service_pb2, service_pb2_grpc
from labelmill.type.v1 import erasure_pb2
from labelmill_prelabel import convert
from labelmill_prelabel.artifact_upload import Part
from labelmill_prelabel.deployment import Deployer
from labelmill_prelabel.embedding import Embedder
from labelmill_prelabel.errors import EncoderIsShared, ModelNotFound, StreamModelChanged
from labelmill_prelabel.jobs import Jobs
from labelmill_prelabel.models import ModelName, ModelSpec
from labelmill_prelabel.pipelining import pipelined
from labelmill_prelabel.ports import Assets, Eraser, ModelCatalogue, PredictionStore, Projects
from labelmill_prelabel.prediction import Predictor, Served
from labelmill_runtime import names, paging
from labelmill_runtime.errors import LabelmillError
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.paging import PageTokens
from labelmill_runtime.principal import EVERY_PROJECT, Role, current_principal

Context = grpc.aio.ServicerContext[Any, Any]

_PIPELINE_DEPTH = 8
_DEPLOYERS = frozenset({Role.OWNER, Role.MANAGER, Role.SERVICE})


@dataclass(frozen=True)
class Parts:
    """What the servicer calls."""

    catalogue: ModelCatalogue
    deployer: Deployer
    predictor: Predictor
    embedder: Embedder
    assets: Assets
    predictions: PredictionStore
    projects: Projects
    jobs: Jobs
    eraser: Eraser
    requests: RequestLog
    page_tokens: PageTokens
    timeout_s: float
    """For calls without a deadline."""


class PrelabelServicer(service_pb2_grpc.PrelabelServiceServicer):
    """See the proto."""

    def __init__(self, parts: Parts) -> None:
        self._p = parts

    async def DeployModel(  # noqa: N802
        self, request_iterator: AsyncIterator[service_pb2.DeployModelRequest], context: Context
    ) -> resources_pb2.ServedModel:
        """See the proto."""
        first = await anext(request_iterator)  # there is one: authorization has seen it
        project = names.project_of(first.header.parent, field="header.parent")
        parts = _permitted(convert.parts(_again(first, request_iterator)))
        return convert.served_model(await self._p.deployer.deploy(project, parts))

    async def GetServedModel(  # noqa: N802
        self, request: service_pb2.GetServedModelRequest, context: Context
    ) -> resources_pb2.ServedModel:
        """See the proto."""
        name = ModelName.parse(request.name)
        if name.project:
            names.require_project(request.name, names.project_of(request.parent, field="parent"))
        model = await self._p.catalogue.current(name)
        if model is None:
            raise ModelNotFound(request.name)
        return convert.served_model(model)

    async def ListServedModels(  # noqa: N802
        self, request: service_pb2.ListServedModelsRequest, context: Context
    ) -> service_pb2.ListServedModelsResponse:
        """See the proto."""
        project = names.project_of(request.parent, field="parent")
        await self._p.projects.require(project)
        size = paging.page_size(request.page_size)
        after = self._p.page_tokens.decode(request.page_token, parent=request.parent)
        models = await self._p.catalogue.listed(project, str(after[0]) if after else "", size + 1)
        response = service_pb2.ListServedModelsResponse(models=map(convert.served_model, models[:size]))
        if len(models) > size:
            response.next_page_token = self._p.page_tokens.encode([str(models[size - 1].name)], parent=request.parent)
        return response

    async def PredictTexts(  # noqa: N802
        self, request: service_pb2.PredictTextsRequest, context: Context
    ) -> service_pb2.PredictTextsResponse:
        """See the proto."""
        served = await self._p.predictor.find(ModelName.parse(request.model, field="model"))
        predictions = await self._predict(served, request.texts, context)
        return service_pb2.PredictTextsResponse(predictions=predictions)

    async def StreamPredictTexts(  # noqa: N802
        self, request_iterator: AsyncIterator[service_pb2.StreamPredictTextsRequest], context: Context
    ) -> AsyncIterator[service_pb2.StreamPredictTextsResponse]:
        """See the proto."""
        first = await anext(request_iterator)
        served = await self._p.predictor.find(ModelName.parse(first.model, field="model"))

        async def answer(
            request: service_pb2.StreamPredictTextsRequest,
        ) -> service_pb2.StreamPredictTextsResponse:
            if request.model != first.model:
                raise StreamModelChanged
            predictions = await self._predict(served, [item.text for item in request.items], context)
            return convert.results(request.items, predictions)

        async for response in pipelined(_again(first, request_iterator), answer, _PIPELINE_DEPTH):
            yield response

    async def PredictAssets(  # noqa: N802
        self, request: service_pb2.PredictAssetsRequest, context: Context
    ) -> operations_pb2.Operation:
        """See the proto."""
        return await self._p.jobs.start_prediction(request)

    async def BatchGetPredictions(  # noqa: N802
        self, request: service_pb2.BatchGetPredictionsRequest, context: Context
    ) -> service_pb2.BatchGetPredictionsResponse:
        """See the proto."""
        project = _project_with_assets(request.parent, request.assets)
        await self._p.projects.require(project)
        return convert.in_order(request.assets, await self._p.predictions.newest(project, request.assets))

    async def ListPredictions(  # noqa: N802
        self, request: service_pb2.ListPredictionsRequest, context: Context
    ) -> service_pb2.ListPredictionsResponse:
        """See the proto."""
        project = names.project_of(request.parent, field="parent")
        await self._p.projects.require(project)
        size, bound = paging.page_size(request.page_size), {"parent": request.parent, "filter": request.filter}
        after = self._p.page_tokens.decode(request.page_token, **bound)
        kept = await self._p.predictions.page(project, request.filter, after, size + 1)
        response = service_pb2.ListPredictionsResponse(
            predictions=[convert.kept_prediction([one]) for one in kept[:size]]
        )
        if len(kept) > size:
            response.next_page_token = self._p.page_tokens.encode(kept[size - 1].position, **bound)
        return response

    async def EmbedAssets(  # noqa: N802
        self, request: service_pb2.EmbedAssetsRequest, context: Context
    ) -> service_pb2.EmbedAssetsResponse:
        """See the proto."""
        project = _project_with_assets(request.parent, request.assets)
        encoder = await self._p.catalogue.current(ModelName.parse(request.encoder, field="encoder"))
        if encoder is None:
            raise ModelNotFound(request.encoder)
        contents = await self._p.assets.describe(project, request.assets)
        found = await self._p.embedder.embed_contents(
            encoder, self._p.assets, project, contents, self._time_left(context)
        )
        rows = []
        for content in contents:
            row = found[content.asset]
            if isinstance(row, LabelmillError):
                raise row
            rows.append(row)
        return service_pb2.EmbedAssetsResponse(
            embedding_length=encoder.embedding_length,
            embeddings=np.stack(rows).astype("<f4").tobytes(),
            encoder_version=encoder.version,
        )

    async def RankAssets(  # noqa: N802
        self, request: service_pb2.RankAssetsRequest, context: Context
    ) -> operations_pb2.Operation:
        """See the proto."""
        return await self._p.jobs.start_ranking(request)

    async def EraseAssets(  # noqa: N802
        self, request: erasure_pb2.EraseAssetsRequest, context: Context
    ) -> erasure_pb2.EraseAssetsResponse:
        """See the proto."""
        project = names.project_of(request.parent, field="parent")
        asset_ids = names.ids_of("projects/{project}/assets/{asset}", request.names, project)

        async def erase(session: AsyncSession) -> erasure_pb2.EraseAssetsResponse:
            removed = await self._p.eraser.erase(session, project, asset_ids)
            return erasure_pb2.EraseAssetsResponse(removed_counts=removed)

        response = await self._p.requests.once(request, erase, erasure_pb2.EraseAssetsResponse)
        await self._p.requests.forget(request.names)
        await self._p.eraser.scrub()
        return response

    async def _predict(self, served: Served, texts: Sequence[str], context: Context) -> list[resources_pb2.Prediction]:
        answers = await self._p.predictor.predict_texts(served, texts, self._time_left(context))
        now = time.time_ns() // 1_000_000
        return [convert.prediction(served.model, answer, now) for answer in answers]

    def _time_left(self, context: Context) -> float:
        left = context.time_remaining()
        return self._p.timeout_s if left is None else left


async def _permitted(parts: AsyncIterator[Part]) -> AsyncIterator[Part]:
    """Refuses an encoder from whoever may not deploy for every project."""
    async for part in parts:
        is_encoder = isinstance(part, ModelSpec) and not part.name.project
        if is_encoder and _DEPLOYERS.isdisjoint(current_principal().roles(EVERY_PROJECT)):
            raise EncoderIsShared
        yield part


def _project_with_assets(parent: str, assets: Sequence[str]) -> str:
    project = names.project_of(parent, field="parent")
    for index, asset in enumerate(assets):
        names.parse("projects/{project}/assets/{asset}", asset, field=f"assets[{index}]")
        names.require_project(asset, project, field=f"assets[{index}]")
    return project


async def _again(first: Any, rest: AsyncIterator[Any]) -> AsyncIterator[Any]:
    yield first
    async for request in rest:
        yield request
