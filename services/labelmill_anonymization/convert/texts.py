"""Outcomes for texts, and spans carried over."""

from __future__ import annotations

from labelmill.anonymization.v1 import resources_pb2 as pb
from labelmill.anonymization.v1 import service_pb2 as service
from labelmill.type.v1.geometry_pb2 import TextSpan
from labelmill_anonymization.convert.scalars import level
from labelmill_anonymization.offset_map import MappedSpan
from labelmill_anonymization.transform import AppliedFinding, CleanText


def clean_text_to_proto(clean: CleanText) -> service.AnonymizeTextResponse:
    """The outcome for one text."""
    return service.AnonymizeTextResponse(
        text=clean.text,
        findings=[_finding_to_proto(applied) for applied in clean.findings],
        protection_level=level(clean.protection),
        key_ids=clean.key_ids,
    )


def _finding_to_proto(applied: AppliedFinding) -> pb.Finding:
    finding = applied.finding
    message = pb.Finding(
        entity_type=finding.entity_type,
        raw_span=TextSpan(start=finding.start, end=finding.end),
        score=finding.score,
        recognizer=finding.recognizer,
        operator_name=applied.operator_name,
    )
    if applied.clean_end > applied.clean_start:
        message.clean_span.CopyFrom(TextSpan(start=applied.clean_start, end=applied.clean_end))
    return message


def mapped_to_proto(mapped: MappedSpan) -> service.MapSpansResponse.Result:
    """A span carried over."""
    result = service.MapSpansResponse.Result(widened=mapped.widened)
    if not mapped.is_empty:
        result.span.CopyFrom(TextSpan(start=mapped.start, end=mapped.end))
    return result
