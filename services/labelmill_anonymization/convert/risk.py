"""Risk reports, to the contract."""

from __future__ import annotations

from labelmill.anonymization.v1 import risk_service_pb2 as service
from labelmill.type.v1.geometry_pb2 import TextSpan
from labelmill_anonymization.convert.evaluation import estimate_to_proto
from labelmill_anonymization.risk.report import LIMITS, Risk
from labelmill_anonymization.risk.second_look import Suspicion


def recall_from_proto(request: service.EstimateRiskRequest) -> tuple[int, int] | None:
    """(marked, found), or None where no recall is given."""
    return (request.recall.gold_count, request.recall.found_count) if request.HasField("recall") else None


def risk_to_proto(risk: Risk) -> service.EstimateRiskResponse:
    """The report."""
    seen = risk.seen
    response = service.EstimateRiskResponse(
        population_count=risk.population,
        sample_count=seen.sample,
        not_examined_count=risk.not_examined,
        gone_count=seen.gone,
        failed_count=seen.failed,
        suspected_count=seen.suspected,
        weakly_suspected_count=seen.weakly_suspected,
        suspected_share=risk.suspected_share,
        upper_bound=risk.upper_bound,
        upper_bound_count=risk.upper_bound_count,
        upper_bound_future=risk.upper_bound_future,
        confidence_level=risk.confidence,
        transformed_count=seen.transformed,
        suspicions=[_suspicion(one) for one in seen.suspicions],
        suspicion_counts=seen.counts,
        limits=LIMITS,
    )
    if risk.missed is not None:
        response.missed_count.CopyFrom(estimate_to_proto(risk.missed))
    return response


def _suspicion(one: Suspicion) -> service.Suspicion:
    return service.Suspicion(
        asset=one.asset,
        entity_type=one.entity_type,
        span=TextSpan(start=one.start, end=one.end),
        source=service.Suspicion.Source.ValueType(int(one.source)),
    )
