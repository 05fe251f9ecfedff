"""Joins the adapters to the domain; `python -m labelmill_anonymization.server`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from labelmill.anonymization.v1 import service_pb2, service_pb2_grpc
from labelmill_anonymization.adapters.labelmill import LabelmillAssets
from labelmill_anonymization.adapters.secret_files import SeedFile, SigningKeyFile
from labelmill_anonymization.adapters.sql import SqlRecords
from labelmill_anonymization.adapters.tables import metadata
from labelmill_anonymization.adapters.worker_processes import WorkerProcesses
from labelmill_anonymization.operations import KIND, AnonymizeAssets
from labelmill_anonymization.ports import AssetZones, Detector, Projects
from labelmill_anonymization.servicer import AnonymizationServicer
from labelmill_anonymization.settings import AnonymizationSettings
from labelmill_runtime.database import Database
from labelmill_runtime.idempotency import RequestLog
from labelmill_runtime.operations import OperationStore
from labelmill_runtime.peer_projects import PeerProjects
from labelmill_runtime.service import Builder, RuntimeContext, Service, run

NAME = "anonymization"


@dataclass(frozen=True)
class Parts:
    """What can be put in other parts' places, for embedding and tests; None: the real one."""

    assets: AssetZones | None = None
    projects: Projects | None = None
    make_detector: Callable[[], Detector] | None = None
    settings: AnonymizationSettings | None = None


async def build(context: RuntimeContext) -> Service:
    """The service with its real parts."""
    return await assemble(context, Parts())


def builder(parts: Parts) -> Builder:
    """A builder with some other parts."""

    async def built(context: RuntimeContext) -> Service:
        return await assemble(context, parts)

    return built


async def assemble(context: RuntimeContext, parts: Parts) -> Service:
    """Makes the service."""
    settings = parts.settings or AnonymizationSettings()
    secrets_dir = context.settings.data_dir / "secrets"
    seeds = SeedFile(settings.seed_file or secrets_dir / "pseudonym-seed")
    signer = SigningKeyFile(
        settings.signing_key_file or secrets_dir / "receipt-signing-key",
        settings.receipt_keys_dir or secrets_dir / "receipt-keys",
    )
    database = await Database.open(context.settings, NAME, metadata)
    records = SqlRecords(database)
    workers = WorkerProcesses(
        settings.workers,
        batch_texts=settings.batch_texts,
        max_pending=settings.max_pending_texts,
        batch_timeout_s=settings.batch_timeout_s,
        make_detector=parts.make_detector,
    )
    operations = OperationStore(database, NAME, lease_s=context.settings.operation_lease_s)
    work = AnonymizeAssets(
        assets=parts.assets or LabelmillAssets(context.peers),
        anonymizer=workers,
        records=records,
        signer=signer,
        keys=seeds,
        page_assets=settings.page_assets,
        max_asset_bytes=settings.max_asset_bytes,
    )
    operations.register(KIND, work.run, service_pb2.AnonymizeAssetsRequest, service_pb2.AnonymizeAssetsMetadata)
    requests = RequestLog(database)
    servicer = AnonymizationServicer(
        anonymizer=workers,
        keys=seeds,
        records=records,
        projects=parts.projects or PeerProjects(context.peers),
        requests=requests,
        operations=operations,
        page_tokens=context.page_tokens,
    )
    return _service(servicer, operations, requests, workers, database)


def _service(
    servicer: AnonymizationServicer,
    operations: OperationStore,
    requests: RequestLog,
    workers: WorkerProcesses,
    database: Database,
) -> Service:
    async def close() -> None:
        await workers.close()
        await database.close()

    return Service(
        name=NAME,
        servicers=((service_pb2_grpc.add_AnonymizationServiceServicer_to_server, servicer),),
        descriptors=(service_pb2.DESCRIPTOR,),
        operations=operations,
        request_log=requests,
        start=workers.start_warming,
        close=close,
        ready=database.ping,
    )


def main() -> None:
    """The console entry."""
    run(build)


if __name__ == "__main__":
    main()
