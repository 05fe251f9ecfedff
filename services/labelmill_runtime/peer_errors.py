"""What a call to another Labelmill service failed with, as an error of ours; also for the items of a batch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from google.rpc import status_pb2

from labelmill import errors as client_errors
from labelmill_runtime import errors

_CLASSES: dict[int, type[errors.LabelmillError]] = {
    int(cls.code): cls for cls in errors.LabelmillError.__subclasses__()
}
_OURS = frozenset(
    {
        client_errors.Code.UNAUTHENTICATED,
        client_errors.Code.PERMISSION_DENIED,
        client_errors.Code.UNIMPLEMENTED,
        client_errors.Code.UNKNOWN,
    }
)
"""Codes that tell of a wrong service key or deployment: nothing that our own caller did or could mend."""


def from_peer(error: client_errors.LabelmillError) -> errors.LabelmillError:
    """The same error as one that domain code may raise; refusals of this process itself become UNAVAILABLE."""
    if error.code in _OURS:
        message = "Another Labelmill service refused this one; see its service key and deployment."
        metadata = {"peer_code": error.code.name, "peer_reason": error.reason}
        return errors.Unavailable("PEER_REFUSED", message, metadata=metadata)
    return _CLASSES[int(error.code)](
        error.reason or error.code.name,
        error.message,
        metadata=error.metadata,
        fields=error.fields,
        retry_after_s=error.retry_after_s,
        resource=error.resource,
    )


def from_item_status(status: status_pb2.Status) -> errors.LabelmillError | None:
    """The error of one item of a peer's batch; None if the item is OK."""
    error = client_errors.from_status(status)
    if error is None:
        return None
    kind = _CLASSES.get(int(error.code), errors.Internal)
    return kind(error.reason or error.code.name, error.message, metadata=error.metadata, fields=error.fields)


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Calls to peers inside the block fail with errors of ours."""
    try:
        yield
    except client_errors.LabelmillError as error:
        raise from_peer(error) from None
