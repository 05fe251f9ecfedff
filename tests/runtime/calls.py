"""The four kinds of call under one roof, so that each concern is tested on all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2_grpc
from grpc_status import rpc_status

from tests.runtime.echo_protos import echo_pb2

KINDS = ("Say", "SayMany", "Repeat", "Chat")
DETAILS = {
    "google.rpc.ErrorInfo": error_details_pb2.ErrorInfo,
    "google.rpc.BadRequest": error_details_pb2.BadRequest,
    "google.rpc.RetryInfo": error_details_pb2.RetryInfo,
    "google.rpc.ResourceInfo": error_details_pb2.ResourceInfo,
}


def health_stub(channel: grpc.aio.Channel) -> Any:
    return health_pb2_grpc.HealthStub(channel)


def say(**values: Any) -> Any:
    return echo_pb2.SayRequest(**{"parent": "projects/p1", "times": 1, **values})


async def call(
    stub: Any, kind: str, requests: Sequence[Message], metadata: Any = (), timeout: float | None = 10
) -> Any:
    """Makes a call of a kind; returns the list of responses."""
    method = getattr(stub, kind)
    match kind:
        case "SayMany":
            return [await method(iter(requests), metadata=metadata, timeout=timeout)]
        case "Repeat":
            return [response async for response in method(requests[0], metadata=metadata, timeout=timeout)]
        case "Chat":
            return [response async for response in method(iter(requests), metadata=metadata, timeout=timeout)]
        case _:
            return [await method(requests[0], metadata=metadata, timeout=timeout)]


class Refusal:
    """How a refused call looks to its caller."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        self.error = error
        self.code = error.code()
        self.message = error.details() or ""
        status = rpc_status.from_call(error)  # type: ignore[arg-type]
        self.status = status
        self.details: dict[str, Any] = {}
        for packed in status.details if status is not None else ():
            kind = packed.type_url.rpartition("/")[2]
            self.details[kind] = DETAILS[kind].FromString(packed.value)

    @property
    def info(self) -> Any:
        return self.details["google.rpc.ErrorInfo"]

    @property
    def reason(self) -> str:
        return str(self.info.reason)

    @property
    def fields(self) -> dict[str, str]:
        return {v.field: v.description for v in self.details["google.rpc.BadRequest"].field_violations}

    @property
    def text(self) -> str:
        """Everything that reached the caller."""
        return f"{self.message} {self.status} {self.error.trailing_metadata()}"


async def refused(stub: Any, kind: str, requests: Sequence[Message], metadata: Any = (), **options: Any) -> Refusal:
    """Makes a call that must fail."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(stub, kind, requests, metadata, **options)
    return Refusal(caught.value)
