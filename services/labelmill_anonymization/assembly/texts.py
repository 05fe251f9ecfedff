"""Texts, policies, receipts: the service that has been there from the beginning."""

from __future__ import annotations

from labelmill.anonymization.v1 import service_pb2, service_pb2_grpc
from labelmill_anonymization.assembly.parts import Area, Parts
from labelmill_anonymization.contents.texts import TextHandler
from labelmill_anonymization.servicers.anonymization import AnonymizationServicer


def texts(parts: Parts) -> Area:
    """The service of texts and the handler of text/*."""
    servicer = AnonymizationServicer(
        anonymizer=parts.anonymizer,
        policies=parts.policies,
        keys=parts.keys,
        records=parts.records,
        projects=parts.projects,
        requests=parts.requests,
        operations=parts.operations,
        page_tokens=parts.context.page_tokens,
    )
    return Area(
        servicers=((service_pb2_grpc.add_AnonymizationServiceServicer_to_server, servicer),),
        descriptors=(service_pb2.DESCRIPTOR,),
        handlers=(TextHandler(parts.anonymizer, parts.settings.max_text_bytes),),
    )
