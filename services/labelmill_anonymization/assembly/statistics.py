"""Statistics under a privacy budget."""

from __future__ import annotations

from labelmill.anonymization.v1 import statistics_service_pb2, statistics_service_pb2_grpc
from labelmill_anonymization.adapters.project_facts import LabelmillFacts
from labelmill_anonymization.adapters.sql_ledger import SqlLedger
from labelmill_anonymization.adapters.statistics_processes import StatisticsProcesses
from labelmill_anonymization.assembly.parts import Area, Parts
from labelmill_anonymization.servicers.statistics import StatisticsServicer
from labelmill_anonymization.statistics.release import Statistics


def statistics(parts: Parts) -> Area:
    """The service of released statistics."""
    ledger = SqlLedger(parts.database)
    mechanisms = StatisticsProcesses(parts.settings.table_workers, parts.settings.max_pending_tables)
    facts = LabelmillFacts(parts.context.peers, parts.assets, parts.records)
    servicer = StatisticsServicer(
        statistics=Statistics(ledger, facts, mechanisms),
        ledger=ledger,
        keys=parts.keys,
        projects=parts.projects,
        requests=parts.requests,
        page_tokens=parts.context.page_tokens,
    )
    return Area(
        servicers=((statistics_service_pb2_grpc.add_StatisticsServiceServicer_to_server, servicer),),
        descriptors=(statistics_service_pb2.DESCRIPTOR,),
        close=(mechanisms.close,),
    )
