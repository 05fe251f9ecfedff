"""AgreementService."""

from __future__ import annotations

from labelmill.quality.v1 import agreement_service_pb2, agreement_service_pb2_grpc
from labelmill_quality.assembly.parts import Area, Parts
from labelmill_quality.servicers.agreement import AgreementServicer


def agreement(parts: Parts) -> Area:
    """The service."""
    servicer = AgreementServicer(parts.computing)
    return Area(
        servicers=((agreement_service_pb2_grpc.add_AgreementServiceServicer_to_server, servicer),),
        descriptors=(agreement_service_pb2.DESCRIPTOR,),
    )
