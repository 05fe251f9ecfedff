"""WeakSupervisionService."""

from __future__ import annotations

from labelmill.quality.v1 import weak_supervision_service_pb2, weak_supervision_service_pb2_grpc
from labelmill_quality.adapters.labelmill_texts import LabelmillModels, LabelmillTexts
from labelmill_quality.adapters.sql import SqlReports
from labelmill_quality.assembly.parts import Area, Parts
from labelmill_quality.operations.supervising import KIND, ModelAnswers, ProjectSupervision
from labelmill_quality.servicers.weak_supervision import WeakSupervisionServicer

_MOST_BYTES = 1 << 29
"""Of a stream: its votes are held in memory as text."""


def weak_supervision(parts: Parts) -> Area:
    """The service; registers SuperviseProject."""
    peers = parts.context.peers
    models = ModelAnswers(LabelmillModels(peers))
    supervision = ProjectSupervision(
        parts.source,
        LabelmillTexts(peers),
        models,
        SqlReports(parts.database),
        parts.workers,
        cell_limit=parts.settings.cell_limit,
    )
    parts.operations.register(
        KIND,
        supervision.run,
        weak_supervision_service_pb2.SuperviseProjectRequest,
        weak_supervision_service_pb2.SuperviseProjectMetadata,
    )
    spools = parts.spools(_MOST_BYTES)
    servicer = WeakSupervisionServicer(parts.computing, spools, models, supervision, parts.operations, parts.requests)
    return Area(
        servicers=((weak_supervision_service_pb2_grpc.add_WeakSupervisionServiceServicer_to_server, servicer),),
        descriptors=(weak_supervision_service_pb2.DESCRIPTOR,),
    )
