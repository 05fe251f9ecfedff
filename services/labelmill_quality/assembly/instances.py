"""InstancesService."""

from __future__ import annotations

from labelmill.quality.v1 import instances_service_pb2, instances_service_pb2_grpc
from labelmill_quality.assembly.parts import Area, Parts
from labelmill_quality.servicers.instances import InstancesServicer


def instances(parts: Parts) -> Area:
    """The service."""
    servicer = InstancesServicer(parts.computing, parts.context.settings.max_message_bytes)
    return Area(
        servicers=((instances_service_pb2_grpc.add_InstancesServiceServicer_to_server, servicer),),
        descriptors=(instances_service_pb2.DESCRIPTOR,),
    )
