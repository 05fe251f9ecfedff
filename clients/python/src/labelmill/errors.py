"""What a call can fail with, one class a status code.

LabelmillError
├── Cancelled           the caller gave up, or the operation was cancelled
├── UnknownError        a server that is not Labelmill's, or a proxy, failed
├── InvalidArgument     the request can never work as it is: see `fields`
├── DeadlineExceeded    took longer than `timeout_s`
├── NotFound            no such thing
├── AlreadyExists       there is one already
├── PermissionDenied    not you
├── ResourceExhausted   too much: see `retry_after_s`
├── FailedPrecondition  not in this state: `reason` says which
├── Aborted             somebody else changed it; read again and retry
├── OutOfRange          past the end of something
├── Unimplemented       the server is too old or does not host this service
├── Internal            the server's fault; `request_id` is the id to report
├── Unavailable         no server, or a part of it is missing; was retried already
├── DataLoss            stored data is damaged
└── Unauthenticated     no API key, or not a valid one
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import ClassVar

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2

_DETAILS_KEY = "grpc-status-details-bin"


class Code(IntEnum):
    """gRPC's status codes."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class LabelmillError(Exception):
    """A failed call, operation or item of a batch.

    Attributes:
        code: The status code, also told by the class.
        reason: Stable UPPER_SNAKE word to switch on, such as "LEASE_EXPIRED"; empty where the server gave none.
        message: One sentence for people.
        fields: Request field path -> what is wrong with it.
        metadata: Ids, counts and limits behind the message.
        retry_after_s: Seconds after which trying again may help; None where the server did not say.
        resource: (type, name) of the resource in question, or None.
        request_id: The id under which the server logged the call; empty for items of a batch.
    """

    code: ClassVar[Code] = Code.UNKNOWN

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        fields: Mapping[str, str] | None = None,
        metadata: Mapping[str, str] | None = None,
        retry_after_s: float | None = None,
        resource: tuple[str, str] | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.fields = dict(fields or {})
        self.metadata = dict(metadata or {})
        self.retry_after_s = retry_after_s
        self.resource = resource
        self.request_id = request_id

    def __str__(self) -> str:
        text = f"{self.reason or self.code.name}: {self.message}"
        return text + "".join(f"\n  {field}: {wrong}" for field, wrong in self.fields.items())


class Cancelled(LabelmillError):
    """The caller gave up, or the operation was cancelled."""

    code = Code.CANCELLED


class UnknownError(LabelmillError):
    """Something that does not speak Labelmill's contract failed."""

    code = Code.UNKNOWN


class InvalidArgument(LabelmillError):
    """The request can never work as it is."""

    code = Code.INVALID_ARGUMENT


class DeadlineExceeded(LabelmillError):
    """It took longer than the timeout; whether it was done is not known."""

    code = Code.DEADLINE_EXCEEDED


class NotFound(LabelmillError):
    """There is no such thing."""

    code = Code.NOT_FOUND


class AlreadyExists(LabelmillError):
    """There is one already."""

    code = Code.ALREADY_EXISTS


class PermissionDenied(LabelmillError):
    """The caller is known and may not do this."""

    code = Code.PERMISSION_DENIED


class ResourceExhausted(LabelmillError):
    """Too much, at once or in size."""

    code = Code.RESOURCE_EXHAUSTED


class FailedPrecondition(LabelmillError):
    """The thing is not in a state that allows this."""

    code = Code.FAILED_PRECONDITION


class Aborted(LabelmillError):
    """Somebody else was faster: read again, then retry."""

    code = Code.ABORTED


class OutOfRange(LabelmillError):
    """Past the end of something."""

    code = Code.OUT_OF_RANGE


class Unimplemented(LabelmillError):
    """The server does not offer this."""

    code = Code.UNIMPLEMENTED


class Internal(LabelmillError):
    """The server's fault."""

    code = Code.INTERNAL


class Unavailable(LabelmillError):
    """No server answers, or a part of it is missing right now."""

    code = Code.UNAVAILABLE


class DataLoss(LabelmillError):
    """Stored data is damaged."""

    code = Code.DATA_LOSS


class Unauthenticated(LabelmillError):
    """The caller is not known."""

    code = Code.UNAUTHENTICATED


_BY_CODE: dict[int, type[LabelmillError]] = {int(cls.code): cls for cls in LabelmillError.__subclasses__()}


def from_status(status: status_pb2.Status, request_id: str = "") -> LabelmillError | None:
    """The error that a google.rpc.Status tells of; None if it is OK. For the items of a batch and for operations."""
    if status.code == 0:
        return None
    error = _BY_CODE.get(status.code, UnknownError)(status.message, request_id=request_id)
    for detail in status.details:
        _add_detail(error, detail)
    return error


def from_rpc_error(error: grpc.RpcError, request_id: str = "") -> LabelmillError:
    """The error that a failed call tells of, with its details."""
    if not isinstance(error, grpc.aio.AioRpcError):
        return UnknownError(type(error).__name__, request_id=request_id)
    status = _details(error.trailing_metadata() or ()) or status_pb2.Status(
        code=error.code().value[0], message=error.details() or ""
    )
    return from_status(status, request_id) or UnknownError(status.message, request_id=request_id)


def _details(metadata: Iterable[tuple[str, str | bytes]]) -> status_pb2.Status | None:
    for key, value in metadata:
        if key == _DETAILS_KEY and isinstance(value, bytes):
            return status_pb2.Status.FromString(value)
    return None


def _add_detail(error: LabelmillError, detail: AnyMessage) -> None:
    if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
        info = error_details_pb2.ErrorInfo.FromString(detail.value)
        error.reason, error.metadata = info.reason, dict(info.metadata)
    elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
        for violation in error_details_pb2.BadRequest.FromString(detail.value).field_violations:
            error.fields[violation.field] = violation.description
    elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
        error.retry_after_s = error_details_pb2.RetryInfo.FromString(detail.value).retry_delay.ToNanoseconds() / 1e9
    elif detail.Is(error_details_pb2.ResourceInfo.DESCRIPTOR):
        resource = error_details_pb2.ResourceInfo.FromString(detail.value)
        error.resource = (resource.resource_type, resource.resource_name)
