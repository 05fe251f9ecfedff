"""LabelmillError -> google.rpc.Status with typed details, for trailers, operations and per-item results."""

from __future__ import annotations

from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from labelmill_runtime.errors import Internal, LabelmillError

ERROR_DOMAIN = "labelmill.io"
_MAX_DETAIL_BYTES = 4096
"""Trailers share some 8 KiB of metadata; beyond that a client sees no status at all."""


def to_status(error: LabelmillError) -> status_pb2.Status:
    """The status that tells a caller about the error."""
    status = status_pb2.Status(code=int(error.code), message=error.message)
    status.details.append(
        _packed(error_details_pb2.ErrorInfo(reason=error.reason, domain=ERROR_DOMAIN, metadata=error.metadata))
    )
    if error.fields:
        status.details.append(_packed(_bad_request(error)))
    if error.retry_after_s is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromNanoseconds(int(error.retry_after_s * 1e9))
        status.details.append(_packed(retry))
    if error.resource is not None:
        kind, name = error.resource
        status.details.append(_packed(error_details_pb2.ResourceInfo(resource_type=kind, resource_name=name)))
    return status


def internal_error(incident: str) -> Internal:
    """What a caller learns about a bug: an id under which the log has the rest."""
    return Internal("INTERNAL", f"internal error {incident}", metadata={"request_id": incident})


def _bad_request(error: LabelmillError) -> error_details_pb2.BadRequest:
    details = error_details_pb2.BadRequest()
    for field, description in error.fields.items():
        violation = details.field_violations.add(field=field, description=description)
        if error.reason != "INVALID_REQUEST":
            violation.reason = error.reason
        if details.ByteSize() > _MAX_DETAIL_BYTES:
            del details.field_violations[-1]
            break
    return details


def _packed(message: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
