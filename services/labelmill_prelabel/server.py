"""Where adapters meet the domain; `python -m labelmill_prelabel.server` serves prelabel alone."""

from __future__ import annotations

from pathlib import Path

from labelmill.prelabel.v1 import resources_pb2, service_pb2, service_pb2_grpc
from labelmill_prelabel.adapters.labelmill import LabelmillAssets
from labelmill_prelabel.adapters.model_repository import LocalModelRepository
from labelmill_prelabel.adapters.onnx_probe import OnnxProbe
from labelmill_prelabel.adapters.onnx_runtime import OnnxRuntimeInferencer
from labelmill_prelabel.adapters.sql_catalogue import SqlCatalogue, SqlEmbeddingCache
from labelmill_prelabel.adapters.sql_erasure import SqlEraser
from labelmill_prelabel.adapters.sql_predictions import SqlPredictions
from labelmill_prelabel.adapters.sql_tables import METADATA
from labelmill_prelabel.adapters.tokenizers import Tokenizers
from labelmill_prelabel.adapters.triton import TritonInferencer
from labelmill_prelabel.asset_prediction import AssetPrediction
from labelmill_prelabel.asset_ranking import AssetRanking
from labelmill_prelabel.deployment import Deployer, DeploymentLimits
from labelmill_prelabel.embedding import BatchLimits, Embedder
from labelmill_prelabel.jobs import Jobs
from labelmill_prelabel.ports import Assets, Inferencer, Projects
from labelmill_prelabel.prediction import Predictor
from labelmill_prelabel.servicer import Parts, PrelabelServicer
from labelmill_prelabel.settings import PrelabelSettings
from labelmill_prelabel.triton_config import TritonTuning
from labelmill_runtime.database import Database
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.operations import OperationStore
from labelmill_runtime.peer_projects import PeerProjects
from labelmill_runtime.service import RuntimeContext, Service, run

NAME = "prelabel"


async def build(context: RuntimeContext) -> Service:
    """Prelabel with the other services behind the client."""
    return await assemble(context, PrelabelSettings(), LabelmillAssets(context.peers), PeerProjects(context.peers))


async def assemble(context: RuntimeContext, settings: PrelabelSettings, assets: Assets, projects: Projects) -> Service:
    """Prelabel on whatever knows the assets and the projects."""
    root = settings.model_repository or context.settings.data_dir / "models"
    repository = LocalModelRepository(root)
    database = await Database.open(context.settings, NAME, METADATA)
    inferencer = _inferencer(settings, root)
    catalogue = SqlCatalogue(database)
    operations = OperationStore(database, NAME, lease_s=context.settings.operation_lease_s)
    limits = BatchLimits(settings.batch_size, settings.threads, settings.max_waiting_texts)
    embedder = Embedder(Tokenizers(root), inferencer, SqlEmbeddingCache(database), limits)
    predictor = Predictor(catalogue, embedder, inferencer)
    deployer = Deployer(repository, OnnxProbe(), inferencer, catalogue, projects, _deployment_limits(settings))
    predictions = SqlPredictions(database)
    request_log = RequestLog(database)
    jobs = Jobs(
        operations,
        request_log,
        predictor,
        AssetPrediction(predictor, deployer, assets, predictions),
        AssetRanking(predictor, embedder, deployer, assets),
    )
    servicer = PrelabelServicer(
        Parts(
            catalogue=catalogue,
            deployer=deployer,
            predictor=predictor,
            embedder=embedder,
            assets=assets,
            predictions=predictions,
            projects=projects,
            jobs=jobs,
            eraser=SqlEraser(database),
            requests=request_log,
            page_tokens=context.page_tokens,
            timeout_s=settings.inference_timeout_s,
        )
    )

    async def ready() -> bool:
        return await database.ping() and await inferencer.ready()

    async def close() -> None:
        await inferencer.close()
        await database.close()

    return Service(
        name=NAME,
        servicers=[(service_pb2_grpc.add_PrelabelServiceServicer_to_server, servicer)],
        descriptors=[service_pb2.DESCRIPTOR, resources_pb2.DESCRIPTOR],
        operations=operations,
        request_log=request_log,
        start=deployer.restore,
        close=close,
        ready=ready,
    )


def _inferencer(settings: PrelabelSettings, root: Path) -> Inferencer:
    if settings.backend == "triton":
        assert settings.triton_address is not None  # the settings have seen to it
        return TritonInferencer(settings.triton_address)
    return OnnxRuntimeInferencer(root, settings.threads)


def _deployment_limits(settings: PrelabelSettings) -> DeploymentLimits:
    tuning = TritonTuning(
        instances=settings.threads,
        device=settings.triton_device,
        queue_size=settings.triton_queue_size,
        queue_timeout_s=settings.inference_timeout_s,
    )
    return DeploymentLimits(settings.max_artifact_bytes, settings.batch_size, tuning)


def main() -> None:
    """Serves prelabel alone."""
    run(build)


if __name__ == "__main__":
    main()
