"""The errors that domain code raises. Pure: no gRPC here; the edge interceptor turns them into statuses.

LabelmillError
├── InvalidArgument     the request can never work as it is
├── OutOfRange          ... as it is now, past the end of something
├── Unauthenticated     who are you
├── PermissionDenied    not you
├── NotFound            no such thing
├── AlreadyExists       there is one already
├── FailedPrecondition  not in this state
├── Aborted             somebody else changed it; read again and retry
├── ResourceExhausted   too much right now; retry later
├── Unavailable         a part is missing right now; retry later
├── DeadlineExceeded    took too long
├── Cancelled           the caller gave up
├── Unimplemented       not here
├── Internal            our fault
└── DataLoss            stored data is damaged
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, ClassVar


class Code(IntEnum):
    """Status codes, with gRPC's numbers."""

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
    """An error that a caller may see; raise a subclass that fixes the code.

    Args:
        reason: Stable UPPER_SNAKE word that programs switch on.
        message: One English sentence for people. Never payload text, entity values or file names.
        metadata: Ids, counts and limits behind the message, for programs.
        fields: Request field path -> what is wrong with it.
        retry_after_s: Seconds after which trying again may help.
        resource: (type, name) of the resource in question.
    """

    code: ClassVar[Code] = Code.UNKNOWN

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
        retry_after_s: float | None = None,
        resource: tuple[str, str] | None = None,
    ) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message
        self.metadata = dict(metadata or {})
        self.fields = dict(fields or {})
        self.retry_after_s = retry_after_s
        self.resource = resource

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"

    def __reduce__(self) -> tuple[Any, ...]:
        # Subclasses choose their own constructors, so a copy (from a worker process) is rebuilt from the state alone.
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(kind: type[LabelmillError], args: tuple[Any, ...], state: dict[str, Any]) -> LabelmillError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class InvalidArgument(LabelmillError):
    """The request can never work as it is."""

    code = Code.INVALID_ARGUMENT


class NotFound(LabelmillError):
    """There is no such thing."""

    code = Code.NOT_FOUND


class AlreadyExists(LabelmillError):
    """There is one already."""

    code = Code.ALREADY_EXISTS


class PermissionDenied(LabelmillError):
    """The caller is known and may not do this."""

    code = Code.PERMISSION_DENIED


class Unauthenticated(LabelmillError):
    """The caller is not known."""

    code = Code.UNAUTHENTICATED


class FailedPrecondition(LabelmillError):
    """The thing is not in a state that allows this."""

    code = Code.FAILED_PRECONDITION


class Aborted(LabelmillError):
    """Somebody else was faster: read again, then retry."""

    code = Code.ABORTED


class OutOfRange(LabelmillError):
    """Past the end of something."""

    code = Code.OUT_OF_RANGE


class ResourceExhausted(LabelmillError):
    """Too much right now."""

    code = Code.RESOURCE_EXHAUSTED


class Unavailable(LabelmillError):
    """A part that is needed is missing right now."""

    code = Code.UNAVAILABLE


class DeadlineExceeded(LabelmillError):
    """It took longer than it may."""

    code = Code.DEADLINE_EXCEEDED


class Cancelled(LabelmillError):
    """The caller gave up."""

    code = Code.CANCELLED


class Unimplemented(LabelmillError):
    """Not offered here."""

    code = Code.UNIMPLEMENTED


class Internal(LabelmillError):
    """Our fault, in a way that we foresaw."""

    code = Code.INTERNAL


class DataLoss(LabelmillError):
    """Stored data is damaged."""

    code = Code.DATA_LOSS
