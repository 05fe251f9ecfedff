"""Where adapters meet the domain; `python -m labelmill_training.server` serves training alone."""

from __future__ import annotations

from functools import partial

from sqlalchemy import MetaData

from labelmill.training.v1 import resources_pb2, service_pb2, service_pb2_grpc
from labelmill_runtime.database import Database
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.operations import OperationStore
from labelmill_runtime.service import RuntimeContext, Service, run
from labelmill_training.adapters.labelmill import LabelmillLabels, LabelmillPrelabel
from labelmill_training.adapters.sql import SqlRegistry
from labelmill_training.adapters.sql_items import SqlItems
from labelmill_training.adapters.tables import training_tables
from labelmill_training.adapters.worker_process import WorkerProcesses
from labelmill_training.encoder_id import ENCODER_ID
from labelmill_training.erasure import Erasure
from labelmill_training.fine_tuning import Limits
from labelmill_training.jobs import KIND, Jobs, is_over
from labelmill_training.ports import LabelSource, ModelServer, Trainer
from labelmill_training.servicer import TrainingServicer
from labelmill_training.settings import TrainingSettings


async def build(
    context: RuntimeContext,
    *,
    settings: TrainingSettings | None = None,
    labels: LabelSource | None = None,
    server: ModelServer | None = None,
    trainer: Trainer | None = None,
) -> Service:
    """The training service.

    Args:
        context: What it is built from.
        settings: Default: from the environment.
        labels: Default: the annotation and quality services.
        server: Default: the prelabel service.
        trainer: Default: a worker process a job.
    """
    settings, metadata = settings or TrainingSettings(), MetaData()
    tables = training_tables(metadata)
    database = await Database.open(context.settings, "training", metadata)
    registry, items, requests = SqlRegistry(database, tables), SqlItems(database, tables), RequestLog(database)
    operations = OperationStore(database, "training", lease_s=context.settings.operation_lease_s)
    labels = labels or LabelmillLabels(context.peers)
    server = server or LabelmillPrelabel(context.peers, embed_timeout_s=settings.embed_timeout_s)
    artifacts = context.settings.data_dir / "artifacts"
    trainer = trainer or WorkerProcesses(artifacts / "encoders" / ENCODER_ID, train_timeout_s=settings.train_timeout_s)
    limits = Limits(settings.embed_batch, settings.embed_calls, settings.peer_patience_s)
    jobs = Jobs(database, registry, items, labels, server, trainer, artifacts / "projects", limits)
    operations.register(
        KIND,
        jobs.run,
        service_pb2.CreateTrainingJobRequest,
        resources_pb2.TrainingJob,
        max_parallel=settings.parallel_jobs,
    )
    erasure = Erasure(items, jobs.folders, partial(is_over, operations))
    servicer = TrainingServicer(
        registry, jobs, labels, server, operations, requests, context.page_tokens, items, erasure
    )
    return Service(
        name="training",
        servicers=[(service_pb2_grpc.add_TrainingServiceServicer_to_server, servicer)],
        descriptors=[service_pb2.DESCRIPTOR],
        operations=operations,
        request_log=requests,
        close=database.close,
        ready=database.ping,
    )


def main() -> None:
    """The console entry."""
    run(build)


if __name__ == "__main__":
    main()
