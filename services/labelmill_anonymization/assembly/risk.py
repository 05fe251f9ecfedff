"""The estimate of what is left in CLEAN."""

from __future__ import annotations

from labelmill.anonymization.v1 import risk_service_pb2, risk_service_pb2_grpc
from labelmill_anonymization.adapters.name_lists import TaggerNameLists
from labelmill_anonymization.assembly.parts import Area, Parts
from labelmill_anonymization.jobs import KIND, EstimateRisk
from labelmill_anonymization.servicers.risk import RiskServicer


def risk(parts: Parts) -> Area:
    """The service; registers EstimateRisk."""
    work = EstimateRisk(
        assets=parts.assets,
        anonymizer=parts.anonymizer,
        records=parts.records,
        keys=parts.keys,
        names=TaggerNameLists(),
        page_assets=parts.settings.page_assets,
    )
    parts.operations.register(
        KIND, work.run, risk_service_pb2.EstimateRiskRequest, risk_service_pb2.EstimateRiskMetadata
    )
    servicer = RiskServicer(parts.projects, parts.requests, parts.operations)
    return Area(
        servicers=((risk_service_pb2_grpc.add_RiskServiceServicer_to_server, servicer),),
        descriptors=(risk_service_pb2.DESCRIPTOR,),
    )
