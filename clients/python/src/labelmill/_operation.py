"""Long-running operations with typed results and progress."""

from __future__ import annotations

import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar, cast

from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf import descriptor_pool
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from labelmill import errors, names
from labelmill._transport import Transport

ResultT = TypeVar("ResultT", bound=Message)
MetadataT = TypeVar("MetadataT", bound=Message)
OnProgress = Callable[[MetadataT], Awaitable[None] | None]
_POLL_S = 1.0
_WAIT_S = 15.0
_MARGIN_S = 10.0


class Operation(Generic[ResultT, MetadataT]):
    """Work that goes on in the server, whether or not anybody waits; survives restarts of either side.

    Pick it up again anywhere by `client.operation(name)`.
    """

    def __init__(self, transport: Transport, message: operations_pb2.Operation) -> None:
        self._transport = transport
        self._stub = operations_pb2_grpc.OperationsStub(transport.channel)
        self._message = message

    @property
    def name(self) -> str:
        """projects/{project}/operations/{operation}."""
        return str(self._message.name)

    @property
    def done(self) -> bool:
        """Whether it had ended when last heard of; `refresh` asks again."""
        return bool(self._message.done)

    @property
    def error(self) -> errors.LabelmillError | None:
        """Why it failed, when last heard of."""
        return errors.from_status(self._message.error) if self._message.HasField("error") else None

    def metadata(self) -> MetadataT:
        """Progress, as last heard of; `refresh` asks again."""
        return cast("MetadataT", unpack(self._message.metadata))

    async def refresh(self) -> Operation[ResultT, MetadataT]:
        """Asks the server how far it is, and returns itself."""
        request = operations_pb2.GetOperationRequest(name=self.name)
        self._message = await self._call(self._stub.GetOperation, request)
        return self

    async def result(self, timeout_s: float | None = None, on_progress: OnProgress[MetadataT] | None = None) -> ResultT:
        """Waits for the end and returns the typed result.

        Args:
            timeout_s: Gives up waiting after this long (the operation goes on); None: never.
            on_progress: Called with the metadata whenever it changed, at most once a second; may be async.

        Raises:
            LabelmillError: Why the operation failed; `Cancelled` if it was cancelled.
            DeadlineExceeded: It is not done after `timeout_s`.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        told: bytes | None = None
        while True:
            if on_progress is not None and self._message.metadata.value != told:
                told = self._message.metadata.value
                outcome = on_progress(self.metadata())
                if inspect.isawaitable(outcome):
                    await outcome
            if self.done:
                return self._unpack_result()
            left = _WAIT_S if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise errors.DeadlineExceeded(f"{self.name} is not done after {timeout_s} s; it goes on.")
            await self._wait(min(left, _WAIT_S if on_progress is None else _POLL_S))

    async def cancel(self) -> None:
        """Asks it to stop at its next checkpoint; what it has done stays. `result` then raises Cancelled."""
        await self._call(self._stub.CancelOperation, operations_pb2.CancelOperationRequest(name=self.name))

    async def delete(self) -> None:
        """Forgets a finished operation."""
        await self._call(self._stub.DeleteOperation, operations_pb2.DeleteOperationRequest(name=self.name))

    async def _wait(self, seconds: float) -> None:
        request = operations_pb2.WaitOperationRequest(name=self.name)
        request.timeout.FromMilliseconds(int(seconds * 1000))
        self._message = await self._call(self._stub.WaitOperation, request, timeout_s=seconds + _MARGIN_S)

    def _unpack_result(self) -> ResultT:
        if (error := self.error) is not None:
            raise error
        return cast("ResultT", unpack(self._message.response))

    async def _call(self, method: Any, request: Any, timeout_s: float | None = None) -> Any:
        return await self._transport.unary(method, request, timeout_s=timeout_s, extra=service_hint(self.name))


def service_hint(operation_name: str) -> tuple[tuple[str, str], ...]:
    """Metadata by which a proxy routes a call about an operation to the service that runs it."""
    service = names.last(operation_name).rpartition("-")[0]
    return (("x-labelmill-service", service),) if service else ()


def unpack(packed: AnyMessage) -> Message:
    """The message in an Any, of whichever type; TypeError if this client does not know the type."""
    type_name = packed.TypeName()
    try:
        descriptor = descriptor_pool.Default().FindMessageTypeByName(type_name)
    except KeyError:
        raise TypeError(f"this client does not know the type {type_name or '(none)'}; is it too old?") from None
    message = GetMessageClass(descriptor)()
    packed.Unpack(message)
    return message
