"""Retention, legal holds, erasure, usage."""

from __future__ import annotations

from functools import partial

from labelmill.storage.v1 import (
    lifecycle_service_pb2,
    lifecycle_service_pb2_grpc,
)
from labelmill_storage.adapters.peer_erasure import PeerErasure
from labelmill_storage.adapters.sql.sql_erasure_work import SqlErasureWork
from labelmill_storage.adapters.sql.sql_holds import SqlHolds
from labelmill_storage.adapters.sql.sql_retention import SqlRetention
from labelmill_storage.adapters.sql.sql_usage import SqlUsage
from labelmill_storage.adapters.sweepers.deletion_sweeper import DeletionSweeper
from labelmill_storage.adapters.sweepers.orphan_sweeper import OrphanSweeper
from labelmill_storage.assembly.parts import Area, Parts
from labelmill_storage.housekeeping import Chore
from labelmill_storage.operations import erase
from labelmill_storage.operations.erasures import ErasureStarter
from labelmill_storage.servicers.lifecycle import LifecycleServicer

_EGRESS_FLUSH_S = 5.0
_DELETIONS_S = 30.0
"""How long an object that is to go stays at most, when nobody asks for its removal at once."""
_ERASURES_S = 60.0
_PAUSE_S = 0.1
"""Between rounds of chores that wait by themselves."""


def lifecycle(parts: Parts) -> Area:
    """Retention, holds, erasure and usage."""
    database, tables, objects, settings = parts.database, parts.tables, parts.objects, parts.settings
    sweeper = DeletionSweeper(database, tables, objects, parts.ids)
    orphans = OrphanSweeper(database, tables, objects, parts.ids, interval_s=settings.orphan_sweep_hours * 3600)
    retention = SqlRetention(database, tables, expired=sweeper.wake)
    work = SqlErasureWork(database, tables, parts.ids)
    starter = ErasureStarter(work, parts.operations)
    run = erase.Erase(work, PeerErasure(parts.context.peers), sweeper, objects, parts.request_log, parts.audit_key).run
    messages = lifecycle_service_pb2.EraseAssetsRequest, lifecycle_service_pb2.EraseAssetsMetadata
    parts.operations.register(erase.KIND, run, *messages, max_parallel=2)
    servicer = LifecycleServicer(
        retention=retention,
        holds=SqlHolds(database, tables),
        erasures=work,
        starter=starter,
        usage=SqlUsage(database, tables),
        egress=parts.egress,
        ids=parts.ids,
        projects=parts.projects,
        request_log=parts.request_log,
        page_tokens=parts.context.page_tokens,
    )
    chores = (
        Chore("egress", _EGRESS_FLUSH_S, parts.egress.flush, at_close=True),
        Chore("deletions", _PAUSE_S, partial(sweeper.wait_and_sweep, _DELETIONS_S)),
        Chore("orphans", _PAUSE_S, orphans.wait_and_sweep),
        Chore("retention", settings.retention_seconds, retention.apply_all),
        Chore("retention_asked", _PAUSE_S, retention.wait_and_apply),
        Chore("erasures", _ERASURES_S, starter.restart_unfinished),
    )
    return Area(
        servicer,
        lifecycle_service_pb2_grpc.add_LifecycleServiceServicer_to_server,
        lifecycle_service_pb2.DESCRIPTOR,
        chores=chores,
    )
