"""AgreementService."""

from __future__ import annotations

from labelmill.quality.v1 import agreement_service_pb2, agreement_service_pb2_grpc
from labelmill_quality.adapters.labelmill_assets import LabelmillAssets
from labelmill_quality.assembly.parts import Area, Parts
from labelmill_quality.servicers.agreement import AgreementServicer
from labelmill_quality.servicers.bulk_agreement import BulkAgreement


def agreement(parts: Parts) -> Area:
    """The service."""
    spools = parts.spools()
    bulk = BulkAgreement(parts.computing, spools, LabelmillAssets(parts.context.peers), parts.settings.row_limit)
    servicer = AgreementServicer(parts.computing, bulk)
    return Area(
        servicers=((agreement_service_pb2_grpc.add_AgreementServiceServicer_to_server, servicer),),
        descriptors=(agreement_service_pb2.DESCRIPTOR,),
    )
