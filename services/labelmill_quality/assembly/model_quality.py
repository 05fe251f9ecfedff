"""ModelQualityService."""

from __future__ import annotations

from labelmill.quality.v1 import model_quality_service_pb2, model_quality_service_pb2_grpc
from labelmill_quality.assembly.parts import Area, Parts
from labelmill_quality.servicers.model_quality import ModelQualityServicer

_MOST_BYTES = 1 << 30
"""Of a stream: its numbers are held in memory twice."""


def model_quality(parts: Parts) -> Area:
    """The service."""
    spools = parts.spools(_MOST_BYTES)
    servicer = ModelQualityServicer(parts.computing, spools)
    return Area(
        servicers=((model_quality_service_pb2_grpc.add_ModelQualityServiceServicer_to_server, servicer),),
        descriptors=(model_quality_service_pb2.DESCRIPTOR,),
    )
