"""Prelabel's long-running operations: from their protos to the domain's jobs and back."""

from __future__ import annotations

from google.longrunning import operations_pb2
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill.prelabel.v1 import service_pb2
from labelmill_prelabel import convert
from labelmill_prelabel.asset_prediction import AssetPrediction, PredictionJob, PredictionProgress
from labelmill_prelabel.asset_ranking import AssetRanking, RankingJob, RankingProgress
from labelmill_prelabel.models import ModelName
from labelmill_prelabel.prediction import Predictor, Served
from labelmill_runtime import filters
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.operations import OperationContext, OperationStore

PREDICT = "predict_assets"
RANK = "rank_assets"
_MAX_PARALLEL = 2


class Jobs:
    """Starts and runs the operations."""

    def __init__(
        self,
        operations: OperationStore,
        request_log: RequestLog,
        predictor: Predictor,
        prediction: AssetPrediction,
        ranking: AssetRanking,
    ) -> None:
        self._operations = operations
        self._request_log = request_log
        self._predictor = predictor
        self._prediction = prediction
        self._ranking = ranking
        operations.register(
            PREDICT,
            self._predict,
            service_pb2.PredictAssetsRequest,
            service_pb2.PredictAssetsMetadata,
            max_parallel=_MAX_PARALLEL,
        )
        operations.register(
            RANK, self._rank, service_pb2.RankAssetsRequest, service_pb2.RankAssetsMetadata, max_parallel=_MAX_PARALLEL
        )

    async def start_prediction(self, request: service_pb2.PredictAssetsRequest) -> operations_pb2.Operation:
        """Begins to predict; which version does is decided now."""
        served = await self._check(request.model, request.filter)
        metadata = service_pb2.PredictAssetsMetadata(
            progress=convert.begun(), model=request.model, model_version=served.model.version
        )
        return await self._start(PREDICT, request, metadata, served)

    async def start_ranking(self, request: service_pb2.RankAssetsRequest) -> operations_pb2.Operation:
        """Begins to rank."""
        served = await self._check(request.model, request.filter)
        return await self._start(RANK, request, service_pb2.RankAssetsMetadata(progress=convert.begun()), served)

    async def _check(self, model: str, filter_text: str) -> Served:
        filters.parse(filter_text)  # what can never work is refused before it is an operation
        return await self._predictor.find(ModelName.parse(model, field="model"))

    async def _start(
        self,
        kind: str,
        request: service_pb2.PredictAssetsRequest | service_pb2.RankAssetsRequest,
        metadata: service_pb2.PredictAssetsMetadata | service_pb2.RankAssetsMetadata,
        served: Served,
    ) -> operations_pb2.Operation:
        project = served.model.name.project

        async def begin(session: AsyncSession) -> operations_pb2.Operation:
            return await self._operations.start(session, kind=kind, project=project, request=request, metadata=metadata)

        return await self._request_log.once(request, begin, operations_pb2.Operation)

    async def _predict(
        self, context: OperationContext, request: service_pb2.PredictAssetsRequest
    ) -> service_pb2.PredictAssetsResponse:
        metadata = context.metadata
        assert isinstance(metadata, service_pb2.PredictAssetsMetadata)
        served = await self._predictor.find(ModelName.parse(request.model), metadata.model_version)
        job = PredictionJob(context.project, served, request.filter, context.name)

        async def report(progress: PredictionProgress) -> None:
            await context.progress(convert.prediction_metadata(metadata, progress), progress.checkpoint())

        progress = PredictionProgress.restored(context.checkpoint)
        return convert.prediction_response(await self._prediction.run(job, progress, report, context.hold))

    async def _rank(
        self, context: OperationContext, request: service_pb2.RankAssetsRequest
    ) -> service_pb2.RankAssetsResponse:
        metadata = context.metadata
        assert isinstance(metadata, service_pb2.RankAssetsMetadata)
        served = await self._predictor.find(ModelName.parse(request.model))
        job = RankingJob(
            project=context.project,
            served=served,
            strategy=convert.strategy(request.strategy),
            filter_text=request.filter,
            excluded=frozenset(request.excluded_assets),
            limit=request.limit,
            seed=request.seed,
        )

        async def report(progress: RankingProgress) -> None:
            await context.progress(convert.ranking_metadata(metadata, progress))

        return convert.ranking_response(await self._ranking.run(job, report), served.model.version)
