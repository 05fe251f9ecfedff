"""Puts anonymization together from its areas; `python -m labelmill_anonymization.server` serves it alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from labelmill_anonymization.adapters.labelmill import LabelmillAssets
from labelmill_anonymization.adapters.secret_files import SigningKeyFile
from labelmill_anonymization.adapters.sql import SqlRecords
from labelmill_anonymization.adapters.sql_keys import SqlKeys
from labelmill_anonymization.adapters.tables import metadata
from labelmill_anonymization.adapters.worker_processes import WorkerProcesses
from labelmill_anonymization.assembly import parts as assembly
from labelmill_anonymization.assembly.contents import contents
from labelmill_anonymization.assembly.evaluation import evaluation
from labelmill_anonymization.assembly.keys import keys, root_keys
from labelmill_anonymization.assembly.media import media
from labelmill_anonymization.assembly.risk import risk
from labelmill_anonymization.assembly.statistics import statistics
from labelmill_anonymization.assembly.tables import tables
from labelmill_anonymization.assembly.texts import texts
from labelmill_anonymization.keyring.project_keys import ProjectKeyring
from labelmill_anonymization.ports import AssetZones, Detector, Projects
from labelmill_anonymization.servicers.policy_source import PolicySources
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


async def assemble(context: RuntimeContext, replaced: Parts) -> Service:
    """Makes the service."""
    settings = replaced.settings or AnonymizationSettings()
    workers = WorkerProcesses(
        settings.workers,
        batch_texts=settings.batch_texts,
        max_pending=settings.max_pending_texts,
        max_wait_s=settings.max_wait_s,
        batch_timeout_s=settings.batch_timeout_s,
        make_detector=replaced.make_detector,
    )
    parts = await _parts(context, replaced, settings, workers)
    areas = [texts(parts), keys(parts), tables(parts), media(parts), statistics(parts), evaluation(parts), risk(parts)]
    areas.append(contents(parts, [handler for area in areas for handler in area.handlers]))
    return Service(
        name=NAME,
        servicers=[pair for area in areas for pair in area.servicers],
        descriptors=[descriptor for area in areas for descriptor in area.descriptors],
        operations=parts.operations,
        request_log=parts.requests,
        start=_all([workers.start_warming, *(step for area in areas for step in area.start)]),
        close=_all([workers.close, *(step for area in areas for step in area.close), parts.database.close]),
        ready=parts.database.ping,
    )


async def _parts(
    context: RuntimeContext, replaced: Parts, settings: AnonymizationSettings, workers: WorkerProcesses
) -> assembly.Parts:
    secrets_dir = context.settings.data_dir / "secrets"
    database = await Database.open(context.settings, NAME, metadata)
    records = SqlRecords(database)
    return assembly.Parts(
        settings=settings,
        context=context,
        database=database,
        records=records,
        assets=replaced.assets or LabelmillAssets(context.peers),
        projects=replaced.projects or PeerProjects(context.peers),
        anonymizer=workers,
        keys=ProjectKeyring(await root_keys(settings, secrets_dir), SqlKeys(database)),
        signer=SigningKeyFile(
            settings.signing_key_file or secrets_dir / "receipt-signing-key",
            settings.receipt_keys_dir or secrets_dir / "receipt-keys",
        ),
        requests=RequestLog(database),
        operations=OperationStore(database, NAME, lease_s=context.settings.operation_lease_s),
        policies=PolicySources(records),
    )


def _all(steps: Sequence[Callable[[], Awaitable[None]]]) -> Callable[[], Awaitable[None]]:
    async def run_all() -> None:
        for step in steps:
            await step()

    return run_all


def main() -> None:
    """The console entry."""
    run(build)


if __name__ == "__main__":
    main()
