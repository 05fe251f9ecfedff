"""Tables: CSV, JSON, Parquet."""

from __future__ import annotations

from labelmill.anonymization.v1 import table_service_pb2, table_service_pb2_grpc
from labelmill_anonymization.adapters.table_processes import TableProcesses
from labelmill_anonymization.assembly.parts import Area, Parts
from labelmill_anonymization.servicers.tables import TableServicer
from labelmill_anonymization.tables.table_anonymizer import TableAnonymizer


def tables(parts: Parts) -> Area:
    """The service of tables and the handler of their media types."""
    settings = parts.settings
    work = TableProcesses(settings.table_workers, settings.max_pending_tables)
    anonymizer = TableAnonymizer(work, parts.anonymizer, settings.max_table_bytes)
    return Area(
        servicers=(
            (
                table_service_pb2_grpc.add_TableServiceServicer_to_server,
                TableServicer(anonymizer, parts.policies, parts.keys),
            ),
        ),
        descriptors=(table_service_pb2.DESCRIPTOR,),
        handlers=(anonymizer,),
        close=(work.close,),
    )
