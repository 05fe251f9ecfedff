"""ClassifierService."""

from __future__ import annotations

from labelmill.quality.v1 import classifier_service_pb2, classifier_service_pb2_grpc
from labelmill_quality.assembly.parts import Area, Parts
from labelmill_quality.servicers.classifier import ClassifierServicer


def classifier(parts: Parts) -> Area:
    """The service."""
    servicer = ClassifierServicer(parts.computing)
    return Area(
        servicers=((classifier_service_pb2_grpc.add_ClassifierServiceServicer_to_server, servicer),),
        descriptors=(classifier_service_pb2.DESCRIPTOR,),
    )
