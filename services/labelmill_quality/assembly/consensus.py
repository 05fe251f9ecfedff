"""ConsensusService."""

from __future__ import annotations

from labelmill.quality.v1 import consensus_service_pb2, consensus_service_pb2_grpc
from labelmill_quality.assembly.parts import Area, Parts
from labelmill_quality.servicers.consensus import ConsensusServicer


def consensus(parts: Parts) -> Area:
    """The service."""
    servicer = ConsensusServicer(parts.computing)
    return Area(
        servicers=((consensus_service_pb2_grpc.add_ConsensusServiceServicer_to_server, servicer),),
        descriptors=(consensus_service_pb2.DESCRIPTOR,),
    )
