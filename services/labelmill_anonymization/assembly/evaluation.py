"""Evaluation of policies on marked samples."""

from __future__ import annotations

from labelmill.anonymization.v1 import evaluation_service_pb2, evaluation_service_pb2_grpc
from labelmill_anonymization.adapters.evaluation_page import EvaluationPage
from labelmill_anonymization.assembly.parts import Area, Parts
from labelmill_anonymization.evaluation.running import SampleRunner
from labelmill_anonymization.servicers.evaluation import EvaluationServicer


def evaluation(parts: Parts) -> Area:
    """The service that measures policies."""
    servicer = EvaluationServicer(SampleRunner(parts.anonymizer), EvaluationPage(), parts.policies, parts.keys)
    return Area(
        servicers=((evaluation_service_pb2_grpc.add_EvaluationServiceServicer_to_server, servicer),),
        descriptors=(evaluation_service_pb2.DESCRIPTOR,),
    )
