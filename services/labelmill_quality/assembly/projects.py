"""QualityService: a project's reports."""

from __future__ import annotations

from labelmill.quality.v1 import service_pb2, service_pb2_grpc
from labelmill_quality.adapters.sql import SqlReports
from labelmill_quality.adapters.sql_live import SqlLive
from labelmill_quality.assembly.parts import Area, Parts
from labelmill_quality.operations.pages import ReportPages
from labelmill_quality.operations.scoring import KIND, ProjectScoring
from labelmill_quality.servicers.projects import QualityServicer


def projects(parts: Parts) -> Area:
    """The service; registers ScoreProject."""
    store = SqlReports(parts.database)
    scoring = ProjectScoring(parts.source, store, parts.workers, parts.settings)
    parts.operations.register(KIND, scoring.run, service_pb2.ScoreProjectRequest, service_pb2.ScoreProjectMetadata)
    servicer = QualityServicer(
        scoring,
        store,
        SqlLive(parts.database),
        ReportPages(parts.source, store, parts.contents, parts.workers),
        parts.operations,
        parts.requests,
        parts.context.page_tokens,
        max_message_bytes=parts.context.settings.max_message_bytes,
    )
    return Area(
        servicers=((service_pb2_grpc.add_QualityServiceServicer_to_server, servicer),),
        descriptors=(service_pb2.DESCRIPTOR,),
    )
