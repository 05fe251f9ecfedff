"""Long-running operations that survive the process: started in the caller's transaction, leased, resumed, cancelled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from google.longrunning import operations_pb2
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from sqlalchemy import ColumnElement, event
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncSession

from labelmill_runtime.database import Database
from labelmill_runtime.errors import FailedPrecondition, LabelmillError, NotFound
from labelmill_runtime.ids import ulid
from labelmill_runtime.operation_context import OperationCancelled, OperationContext, OperationInterrupted, packed
from labelmill_runtime.operation_rows import Ending, OperationRows, ended
from labelmill_runtime.operation_runner import OperationKind, OperationRunner
from labelmill_runtime.principal import Principal, current_principal_or_none
from labelmill_runtime.principal_json import dump_principal
from labelmill_runtime.status import to_status

__all__ = ["OperationCancelled", "OperationContext", "OperationInterrupted", "OperationKind", "OperationStore"]

NAME_PATTERN = "projects/{project}/operations/{operation}"
NOBODY = Principal("", ())


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class OperationStore:
    """The operations of one service.

    Args:
        database: The service's own.
        service: Its short name; operations are named projects/{project}/operations/{service}-{ulid}.
        clock: Milliseconds since 1970.
        lease_s: After how long without a sign of life another process takes over.
        owner: The name of this process in leases; tests give several.
    """

    def __init__(
        self,
        database: Database,
        service: str,
        clock: Callable[[], int] = _now_ms,
        *,
        lease_s: float = 15.0,
        owner: str | None = None,
    ) -> None:
        self._database = database
        self._service = service
        self._clock = clock
        self._kinds: dict[str, OperationKind] = {}
        self._rows = OperationRows(database)
        self._runner = OperationRunner(self._rows, self._kinds, clock, lease_s=lease_s, owner=owner)

    def register(
        self,
        kind: str,
        run: Callable[[OperationContext, Any], Awaitable[Message]],
        request_type: type[Message],
        metadata_type: type[Message],
        *,
        max_parallel: int = 1,
    ) -> None:
        """Says how operations of a kind are run; before `resume`.

        `run` may be called again for the same operation after a crash: it continues at `context.checkpoint`.
        """
        self._kinds[kind] = OperationKind(run, request_type, metadata_type, max_parallel)

    async def start(
        self, session: AsyncSession | None, *, kind: str, project: str, request: Message, metadata: Message
    ) -> operations_pb2.Operation:
        """Records a new operation in the caller's transaction (or its own); the work begins after the commit."""
        if kind not in self._kinds:
            raise KeyError(f"operation kind {kind} is not registered")
        if session is None:
            async with self._database.transaction() as own:
                return await self.start(own, kind=kind, project=project, request=request, metadata=metadata)
        operation = await self._insert(session, kind, project, metadata, request.SerializeToString())
        event.listen(session.sync_session, "after_commit", lambda _session: self._runner.wake(), once=True)
        return operation

    async def record(
        self, session: AsyncSession, *, kind: str, project: str, metadata: Message, result: Message | LabelmillError
    ) -> operations_pb2.Operation:
        """Records an operation that is over when it begins: the caller's transaction holds all of its effect."""
        if isinstance(result, LabelmillError):
            ending = Ending(error=to_status(result))
        else:
            ending = Ending(response=packed(result))
        operation = await self._insert(session, kind, project, metadata, b"", ending)
        operation.done = True
        if ending.error is not None:
            operation.error.CopyFrom(ending.error)
        if ending.response is not None:
            operation.response.CopyFrom(ending.response)
        return operation

    async def _insert(
        self,
        session: AsyncSession,
        kind: str,
        project: str,
        metadata: Message,
        request: bytes,
        ending: Ending | None = None,
    ) -> operations_pb2.Operation:
        now = self._clock()
        name = f"projects/{project}/operations/{self._service}-{ulid(now)}"
        row = {
            "name": name,
            "kind": kind,
            "project": project,
            "principal": dump_principal(current_principal_or_none() or NOBODY),
            "request": request,
            "metadata": packed(metadata).SerializeToString(),
            "checkpoint": "{}",
            "done": False,
            "lease_until_ms": 0,
            "fence": 0,
            "attempts": 0,
            "create_time_ms": now,
            "update_time_ms": now,
        }
        await self._rows.insert(session, row if ending is None else row | ended(ending, now))
        return operations_pb2.Operation(name=name, metadata=packed(metadata))

    async def get(self, name: str) -> operations_pb2.Operation:
        """The operation as it stands."""
        row = await self._rows.get(name)
        if row is None:
            raise _not_found(name)
        return _operation(row)

    async def page(
        self, project: str, after: str, limit: int, condition: ColumnElement[bool] | None = None
    ) -> list[operations_pb2.Operation]:
        """Up to `limit` operations of a project whose names sort after `after`."""
        return [_operation(row) for row in await self._rows.page(project, after, limit, condition)]

    def filter_columns(self) -> dict[str, ColumnElement[Any]]:
        """What ListOperations can filter by."""
        column = self._rows.table.c
        return {
            "done": column.done,
            "kind": column.kind,
            "create_time_ms": column.create_time_ms,
            "update_time_ms": column.update_time_ms,
        }

    async def wait(self, name: str, timeout_s: float) -> operations_pb2.Operation:
        """The operation when it is done, or as it stands after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while True:
            ended = self._runner.ended(name)
            operation = await self.get(name)
            left = deadline - time.monotonic()
            if operation.done or left <= 0:
                return operation
            # Another process may run it, so look again now and then.
            await asyncio.wait([ended], timeout=min(left, 0.5))

    async def cancel(self, name: str) -> None:
        """Asks the operation to stop at its next checkpoint; one that has not begun ends at once."""
        if not await self._rows.request_cancel(name, self._clock(), to_status(OperationCancelled())):
            raise _not_found(name)
        self._runner.cancel(name)

    async def delete(self, name: str) -> None:
        """Forgets a finished operation."""
        if not await self._rows.delete(name):
            await self.get(name)  # raises if there is none
            raise FailedPrecondition(
                "OPERATION_RUNNING", "The operation is not done; cancel it first.", resource=("Operation", name)
            )

    async def resume(self) -> None:
        """Picks up unfinished operations and keeps doing so, also those of processes that die later."""
        await self._runner.free_dead_owners()
        self._runner.wake()

    async def close(self) -> None:
        """Asks running operations to stop at a checkpoint, waits a little, and gives them back."""
        await self._runner.close()


def _operation(row: Row[Any]) -> operations_pb2.Operation:
    operation = operations_pb2.Operation(name=row.name, metadata=AnyMessage.FromString(row.metadata), done=row.done)
    if row.error is not None:
        operation.error.CopyFrom(Status.FromString(row.error))
    elif row.response is not None:
        operation.response.CopyFrom(AnyMessage.FromString(row.response))
    return operation


def _not_found(name: str) -> NotFound:
    return NotFound("OPERATION_NOT_FOUND", "There is no such operation.", resource=("Operation", name))
