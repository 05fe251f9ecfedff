"""PlanningService."""

from __future__ import annotations

from labelmill.quality.v1 import planning_service_pb2, planning_service_pb2_grpc
from labelmill_quality.assembly.parts import Area, Parts
from labelmill_quality.servicers.planning import PlanningServicer


def planning(parts: Parts) -> Area:
    """The service."""
    servicer = PlanningServicer(parts.computing)
    return Area(
        servicers=((planning_service_pb2_grpc.add_PlanningServiceServicer_to_server, servicer),),
        descriptors=(planning_service_pb2.DESCRIPTOR,),
    )
