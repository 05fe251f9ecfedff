"""AnswersService."""

from __future__ import annotations

from labelmill.quality.v1 import answers_service_pb2, answers_service_pb2_grpc
from labelmill_quality.assembly.parts import Area, Parts
from labelmill_quality.servicers.answers import AnswersServicer


def answers(parts: Parts) -> Area:
    """The service."""
    servicer = AnswersServicer(parts.computing)
    return Area(
        servicers=((answers_service_pb2_grpc.add_AnswersServiceServicer_to_server, servicer),),
        descriptors=(answers_service_pb2.DESCRIPTOR,),
    )
