"""LabelersService."""

from __future__ import annotations

from labelmill.quality.v1 import labelers_service_pb2, labelers_service_pb2_grpc
from labelmill_quality.assembly.parts import Area, Parts
from labelmill_quality.servicers.labelers import LabelersServicer


def labelers(parts: Parts) -> Area:
    """The service."""
    servicer = LabelersServicer(parts.computing)
    return Area(
        servicers=((labelers_service_pb2_grpc.add_LabelersServiceServicer_to_server, servicer),),
        descriptors=(labelers_service_pb2.DESCRIPTOR,),
    )
